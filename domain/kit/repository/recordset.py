"""Many rows as one JSON text, which PostgreSQL takes apart.

As fast as COPY, within row level security (which COPY is not), and without a staging table, which others could read.
Values that are JSON texts already travel beside it: JSON inside JSON costs the server half as much again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from ..model import DomainModel
from ..model.fields import storable
from ..session import DomainSession

Values: TypeAlias = Mapping[str, object]

POSITION = "#"  # from 1 on; no field has this name
_SEPARATOR = "\x1e"  # "record separator": JSON does not contain it
# Not arrays, bytes, intervals and extension types: PostgreSQL does not read Python's texts of them.
_KINDS = (sa.JSON, sa.Boolean, sa.Date, sa.DateTime, sa.Float, sa.Integer, sa.Numeric, sa.String, sa.Time, sa.Uuid)
_TEXTS = (Decimal, UUID, date, time)


def has_recordset(table: sa.Table, names: Sequence[str], dialect: Dialect) -> bool:
    """True if the columns' values can travel as JSON; others go as parameters."""
    kinds = (table.c[name].type for name in names)
    return dialect.name == "postgresql" and all(
        isinstance(_inner(kind, dialect), _KINDS) and kind.bind_expression(sa.bindparam(None, type_=kind)) is None
        for kind in kinds
    )


def recordset(
    table: sa.Table, names: Sequence[str], rows: Sequence[Values], dialect: Dialect, *, encoded: Collection[str] = ()
) -> tuple[sa.Subquery, dict[str, object]]:
    """A FROM with the named columns of the rows, and their POSITION, and its parameters; ``encoded`` is JSON already.

    The rows are no part of the statement, which SQLAlchemy keeps as it was compiled first.
    """
    kinds = {name: table.c[name].type for name in names}
    within = [name for name in names if name not in encoded]
    # JSON goes in as a text: as a part of the outer JSON its escapes would be decoded, and its nulls be SQL's.
    sent = {name: sa.Text() if isinstance(_inner(kind, dialect), sa.JSON) else kind for name, kind in kinds.items()}
    columns = (sa.column(POSITION, sa.Integer), *(sa.column(name, sent[name]) for name in within))
    text = sa.cast(sa.bindparam("given_rows", type_=_Rows(table, tuple(within))), sa.JSON)
    params: dict[str, object] = {"given_rows": rows}
    given = sa.func.json_to_recordset(text).table_valued(*columns).render_derived(name="given", with_types=True)
    source: sa.FromClause = given
    found: dict[str, sa.ColumnElement[Any]] = {name: given.c[name] for name in within}
    for name in encoded:
        texts = f"given_{name}"
        params[texts] = _SEPARATOR.join(str(row[name]) for row in rows)
        parts = sa.func.unnest(sa.func.string_to_array(sa.bindparam(texts, type_=sa.Text()), _SEPARATOR))
        beside = parts.table_valued("text", with_ordinality="position", name=texts).render_derived()
        source = source.join(beside, beside.c.position == given.c[POSITION])
        found[name] = beside.c.text
    typed = (found[n] if sent[n] is kinds[n] else sa.cast(found[n], kinds[n]).label(n) for n in names)
    return sa.select(given.c[POSITION], *typed).select_from(source).subquery("given_rows"), params


def among(
    session: DomainSession, model: type[DomainModel], name: str, values: Collection[object]
) -> sa.ColumnElement[bool]:
    """The condition that a column has one of the values, in one array: thousands of parameters are slow."""
    dialect = session.get_bind().dialect
    if not has_recordset(model.__table__, [name], dialect):
        return col(getattr(model, name)).in_(list(values))
    kind = model.__table__.c[name].type
    # A cast to a shorter text would cut what is too long, and find another row.
    wide = sa.Text() if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum) else kind
    array = sa.cast(sa.bindparam(None, list(values), type_=sa.ARRAY(kind, dimensions=1)), sa.ARRAY(wide))
    condition: sa.ColumnElement[bool] = getattr(model, name) == sa.any_(array)
    return condition


class _Rows(sa.TypeDecorator[Sequence[Values]]):
    """Rows as a JSON array of what the driver would get; texts for types that JSON does not have."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = sa.Text
    cache_ok: bool | None = True

    def __init__(self, table: sa.Table, names: tuple[str, ...]) -> None:
        super().__init__()
        self.table = table
        self.names = names

    def process_bind_param(self, value: Sequence[Values] | None, dialect: Dialect) -> str:
        rows = value or ()
        values = [_written(self.table.c[name].type, [row[name] for row in rows], dialect) for name in self.names]
        names = (POSITION, *self.names)
        objects = [dict(zip(names, row, strict=True)) for row in zip(range(1, len(rows) + 1), *values, strict=True)]
        try:
            encoded = orjson.dumps(objects, default=_text, option=orjson.OPT_PASSTHROUGH_DATETIME)
        except TypeError:
            _refuse(values)
            raise
        if b"\\u0000" in encoded:
            _refuse(values)
        return encoded.decode()


def _written(kind: TypeEngine[Any], values: list[object], dialect: Dialect) -> list[object]:
    if process := kind.dialect_impl(dialect).bind_processor(dialect):
        values = [process(value) for value in values]
    if isinstance(_inner(kind, dialect), sa.Float | sa.Numeric):
        values = [_number(value) if isinstance(value, float) else value for value in values]
    return values


def _number(value: float) -> float | str:
    return value + 0.0 if isfinite(value) else str(value)  # SQL has no -0.0, and JSON no NaN


def _text(value: object) -> str:
    if isinstance(value, _TEXTS):
        return str(value)
    raise TypeError


def _refuse(lists: Sequence[Sequence[object]]) -> None:
    """Raise ValueError for a text that PostgreSQL can't hold, or a number beyond 64 bits."""
    for value in (value for values in lists for value in values):
        if isinstance(value, str):
            storable(value)
        elif isinstance(value, int) and value.bit_length() > 63:
            raise ValueError("a number is too large for its column")


def _inner(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    inner = kind.dialect_impl(dialect)
    return inner.impl_instance if isinstance(inner, sa.TypeDecorator) else inner
