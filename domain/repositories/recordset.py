"""Many rows as one JSON text, which PostgreSQL takes apart.

As fast as COPY, within row level security (which COPY is not), and without a staging table, which others could read.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Subquery, Table, TypeDecorator, any_, bindparam, cast, column, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.types import (
    ARRAY,
    JSON,
    Boolean,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    Numeric,
    String,
    Text,
    Time,
    TypeEngine,
    Uuid,
)
from sqlmodel import col

from ..models import DomainModel
from ..models.fields import storable
from ..tenancy import DomainSession

Values: TypeAlias = Mapping[str, object]

POSITION = "#"  # no field has this name
# Arrays, bytes, intervals and an extension's types are not told to PostgreSQL as their texts in Python.
_KINDS = (JSON, Boolean, Date, DateTime, Float, Integer, Numeric, String, Time, Uuid)
_TEXTS = (Decimal, UUID, date, time)


def has_recordset(table: Table, names: Sequence[str], dialect: Dialect) -> bool:
    """Whether the columns' values can travel as JSON; the others' do as parameters."""
    kinds = (table.c[name].type for name in names)
    return dialect.name == "postgresql" and all(
        isinstance(_inner(kind, dialect), _KINDS) and kind.bind_expression(bindparam(None, type_=kind)) is None
        for kind in kinds
    )


def recordset(
    table: Table, names: Sequence[str], rows: Sequence[Values], dialect: Dialect, *, encoded: Collection[str] = ()
) -> Subquery:
    """A FROM with the named columns of the rows, and their POSITION; ``encoded`` values are JSON texts already."""
    kinds = {name: table.c[name].type for name in names}
    # JSON as a text within: as a part of the outer JSON its escapes would be read, and its nulls be SQL's.
    sent = {name: Text() if isinstance(_inner(kind, dialect), JSON) else kind for name, kind in kinds.items()}
    columns = (column(POSITION, Integer), *(column(name, kind) for name, kind in sent.items()))
    text = cast(bindparam(None, rows, type_=_Rows(table, tuple(names), frozenset(encoded))), JSON)
    given = func.json_to_recordset(text).table_valued(*columns).render_derived(name="given", with_types=True)
    typed = (given.c[n] if sent[n] is kinds[n] else cast(given.c[n], kinds[n]).label(n) for n in names)
    return select(given.c[POSITION], *typed).subquery("given_rows")


def among(
    session: DomainSession, model: type[DomainModel], name: str, values: Collection[object]
) -> ColumnElement[bool]:
    """The condition that a column has one of the values: as one array, or thousands of parameters take their time."""
    dialect = session.get_bind().dialect
    if not has_recordset(model.__table__, [name], dialect):
        return col(getattr(model, name)).in_(list(values))
    kind = model.__table__.c[name].type
    # A cast to a shorter text would cut what is too long, and find another row.
    wide = Text() if isinstance(kind, String) and not isinstance(kind, Enum) else kind
    array = cast(bindparam(None, list(values), type_=ARRAY(kind, dimensions=1)), ARRAY(wide))
    condition: ColumnElement[bool] = getattr(model, name) == any_(array)
    return condition


class _Rows(TypeDecorator[Sequence[Values]]):
    """Rows as a JSON array: what the driver would be given, as a text where JSON has nothing like it."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def __init__(self, table: Table, names: tuple[str, ...], encoded: frozenset[str]) -> None:
        super().__init__()
        self.table = table
        self.names = names
        self.encoded = encoded

    def process_bind_param(self, value: Sequence[Values] | None, dialect: Dialect) -> str:
        rows = value or ()
        kinds = {name: Text() if name in self.encoded else self.table.c[name].type for name in self.names}
        values = [_written(kind, [row[name] for row in rows], dialect) for name, kind in kinds.items()]
        names = (POSITION, *self.names)
        objects = [dict(zip(names, row, strict=True)) for row in zip(range(len(rows)), *values, strict=True)]
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
    if isinstance(_inner(kind, dialect), Float | Numeric):
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
    return inner.impl_instance if isinstance(inner, TypeDecorator) else inner
