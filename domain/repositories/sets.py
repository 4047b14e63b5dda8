"""Statements for thousands of rows at once.

On PostgreSQL the values travel as one array a column, and ``unnest`` makes rows of them: as fast as COPY, within
row level security, and without a staging table, which other sessions could read. Elsewhere as many parameters.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from typing import cast as typed

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Numeric,
    String,
    TableValuedAlias,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    tuple_,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine
from sqlmodel import col, insert, select, update

from ..models import Entity
from ..models.fields import utcnow
from ..models.tables import ORGANIZATION_ID, of_organization
from ..tenancy import TRUSTED, DomainSession, note_shown

Values: TypeAlias = Mapping[str, object]

STAMPS = ("created_at", "updated_at", "version", "is_deleted", "deleted_at", "deletion_id")


def insert_rows(
    session: DomainSession, model: type[Entity], rows: Sequence[Values], organization: int | None
) -> list[int]:
    """Insert valid rows, which have every field: their ids, in order."""
    table, now = model.__table__, utcnow()
    names = [c.key for c in table.c if c.key not in {"id", ORGANIZATION_ID, *STAMPS}]
    fixed: dict[str, Any] = {"created_at": now, "updated_at": now, "version": 1, "is_deleted": False}
    if ORGANIZATION_ID in table.c:
        fixed[ORGANIZATION_ID] = organization
    if by_arrays(session, model, names):
        source = unnested(model, names, rows, session.get_bind().dialect)
        values = [literal(value, table.c[name].type).label(name) for name, value in fixed.items()]
        chosen = select(*(source.c[name] for name in names), *values).order_by(source.c.position)
        statement: Any = insert(model).from_select([*names, *fixed], chosen).returning(table.c.id)
        # The ids are given out in the order of the rows, and may come back in another.
        found = typed(Any, session.exec(statement, execution_options={TRUSTED: True, "dml_strategy": "raw"}))
        return sorted(found.scalars())
    params = [{**fixed, **{name: row[name] for name in names}} for row in rows]
    many: Any = insert(model).returning(table.c.id)
    found = typed(Any, session.exec(many, params=params, execution_options={TRUSTED: True, "render_nulls": True}))
    return sorted(found.scalars())


def stored_rows(
    session: DomainSession,
    model: type[Entity],
    where: Sequence[ColumnElement[bool]],
    key: Sequence[str],
    names: Sequence[str],
    rows: Sequence[Values],
    params: Mapping[str, object],
) -> list[dict[str, Any]]:
    """The rows that meet ``where`` with the keys of ``rows``: id and named fields; locked till the transaction ends."""
    attributes = [getattr(model, name) for name in ("id", *names)]
    statement = typed(Any, select)(*attributes).where(*where)
    if by_arrays(session, model, key) and len(key) == 1:  # a join might read the whole table where it is not analysed
        (name,) = key
        statement = statement.where(getattr(model, name) == any_(_array(model, name, rows, session.get_bind().dialect)))
    elif by_arrays(session, model, key):
        source = unnested(model, key, rows, session.get_bind().dialect)
        statement = statement.where(*(getattr(model, name) == source.c[name] for name in key))
    else:
        keys = [tuple(row[name] for name in key) for row in rows]
        statement = statement.where(tuple_(*(getattr(model, name) for name in key)).in_(keys))
    # In the same order for everybody, or two bulk writes could wait for each other.
    statement = statement.order_by(col(model.id)).with_for_update(key_share=True, of=model)
    found = typed(Any, session.exec(statement, params=dict(params), execution_options={TRUSTED: True}))
    return [dict(zip(("id", *names), row, strict=True)) for row in found]


def update_rows(
    session: DomainSession, model: type[Entity], names: Sequence[str], rows: Sequence[Values], organization: int | None
) -> None:
    """Set the named fields of live rows by their id, in one statement; every row has all of them."""
    table = model.__table__
    these = of_organization(table, organization)
    stamps: dict[str, Any] = {"updated_at": utcnow(), "version": table.c.version + 1}
    options: dict[str, Any] = {"synchronize_session": False, TRUSTED: True}
    if by_arrays(session, model, names):
        source = unnested(model, ["id", *names], rows, session.get_bind().dialect)
        values: dict[str, Any] = {name: source.c[name] for name in names}
        many = update(model).where(these, ~col(model.is_deleted), col(model.id) == source.c.id)
        session.exec(many.values({**values, **stamps}), execution_options=options)
        return
    # Of the table: the ORM takes a list of rows by their primary key alone.
    values = {name: bindparam(f"row_{name}", type_=table.c[name].type) for name in names}
    each = table.update().where(these, ~table.c.is_deleted, table.c.id == bindparam("row_id"))
    params = [{f"row_{name}": row[name] for name in ("id", *names)} for row in rows]
    session.exec(each.values({**values, **stamps}), params=params, execution_options=options)


def reload_rows(session: DomainSession, model: type[Entity], ids: Sequence[int], organization: int | None) -> None:
    """Let objects that the session holds show their new state, until a savepoint is rolled back."""
    statement = select(model).where(of_organization(model, organization), col(model.id).in_(ids))
    for entity in session.exec(statement, execution_options={"populate_existing": True, TRUSTED: True}).all():
        note_shown(session, entity)


def by_arrays(session: DomainSession, model: type[Entity], names: Sequence[str]) -> bool:
    """Whether the fields can travel as arrays: ``unnest`` would take an array of arrays apart."""
    columns = model.__table__.c
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    return is_postgresql and not any(isinstance(columns[name].type, ARRAY) for name in names)


def unnested(model: type[Entity], names: Sequence[str], rows: Sequence[Values], dialect: Dialect) -> TableValuedAlias:
    """A FROM with the named fields of the rows, and their ``position``."""
    columns = model.__table__.c
    arrays: list[Any] = [cast(bindparam(None, list(range(len(rows))), type_=ARRAY(Integer)), ARRAY(Integer))]
    arrays += [_array(model, name, rows, dialect) for name in names]
    made = [column("position", Integer), *(column(name, columns[name].type) for name in names)]
    return func.unnest(*arrays).table_valued(*made, name="given").render_derived()


def _array(model: type[Entity], name: str, rows: Sequence[Values], dialect: Dialect) -> ColumnElement[Any]:
    kind = model.__table__.c[name].type
    held = bindparam(None, [row[name] for row in rows], type_=ARRAY(kind, dimensions=1))
    return cast(held, ARRAY(_unlimited(kind, dialect)))


def _unlimited(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    """The type without its limits: a cast would cut off what is too long, without an error."""
    inner = kind.load_dialect_impl(dialect) if isinstance(kind, TypeDecorator) else kind
    if isinstance(inner, String):
        return Text()
    return Numeric() if type(inner) is Numeric else inner
