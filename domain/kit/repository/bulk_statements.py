"""Statements for thousands of rows at once: from one JSON text on PostgreSQL, elsewhere from many parameters."""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any
from typing import cast as typed

from sqlalchemy import ColumnElement, Text, bindparam, literal, tuple_
from sqlmodel import col, insert, select, update

from ..model import DomainModel, Entity
from ..model.fields import utcnow
from ..model.managed import managed_columns
from ..model.tables import ORGANIZATION_ID, of_organization
from ..session import DomainSession, expire_on_savepoint_rollback, own
from .recordset import POSITION, Values, among, has_recordset, recordset


def insert_rows(
    session: DomainSession,
    model: type[DomainModel],
    rows: Sequence[Values],
    organization: int | None,
    *,
    encoded: Collection[str] = (),
    given: Set[str] = frozenset(),
) -> list[int]:
    """Insert valid rows with the same fields; return their ids, in order.

    Other columns get their defaults, and so do managed ones that are not ``given``. Values of ``encoded`` fields are
    JSON texts already.
    """
    if not rows:
        return []
    table, now, dialect = model.__table__, utcnow(), session.get_bind().dialect
    left_out = (managed_columns(table) - given) | {ORGANIZATION_ID}
    names = [c.key for c in table.c if c.key in rows[0].keys() - left_out]
    fixed: dict[str, Any] = {n: now for n in ("created_at", "updated_at") if n in table.c and n not in given}
    if ORGANIZATION_ID in table.c:
        fixed[ORGANIZATION_ID] = organization
    statement: Any = insert(table).returning(table.c.id)
    params: Any
    if has_recordset(table, names, dialect):
        source, params = recordset(table, names, rows, dialect, encoded=encoded)
        values = [literal(value, table.c[name].type).label(name) for name, value in fixed.items()]
        chosen = select(*(source.c[name] for name in names), *values).order_by(source.c[POSITION])
        statement = statement.from_select([*names, *fixed], chosen)
    else:
        keys = {name: f"encoded_{name}" if name in encoded else name for name in names}
        statement = statement.values({name: bindparam(keys[name], type_=Text()) for name in encoded})
        params = [{**fixed, **{keys[name]: row[name] for name in names}} for row in rows]
    found = typed(Any, session.exec(own(statement), params=params))
    # The ids are given out in the order of the rows, and may come back in another.
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
    """Lock the stored rows that have the keys of ``rows`` and meet ``where``; return their ids and named fields."""
    attributes = [getattr(model, name) for name in ("id", *names)]
    statement = typed(Any, select)(*attributes).where(*where)
    dialect = session.get_bind().dialect
    if len(key) == 1:
        statement = statement.where(among(session, model, key[0], [row[key[0]] for row in rows]))
    elif has_recordset(model.__table__, key, dialect):
        source, given = recordset(model.__table__, key, rows, dialect)
        params = {**params, **given}
        statement = statement.where(*(getattr(model, name) == source.c[name] for name in key))
    else:
        keys = [tuple(row[name] for name in key) for row in rows]
        statement = statement.where(tuple_(*(getattr(model, name) for name in key)).in_(keys))
    # In the same order for everybody, or two bulk writes could wait for each other.
    statement = statement.order_by(col(model.id)).with_for_update(key_share=True, of=model)
    found = typed(Any, session.exec(own(statement), params=dict(params)))
    return [dict(zip(("id", *names), row, strict=True)) for row in found]


def update_rows(
    session: DomainSession, model: type[Entity], names: Sequence[str], rows: Sequence[Values], organization: int | None
) -> None:
    """Set the named fields of live rows by their id, in one statement; every row has all of them."""
    table = model.__table__
    these = of_organization(table, organization)
    stamps: dict[str, Any] = {"updated_at": utcnow(), "version": table.c.version + 1}
    options: dict[str, Any] = {"synchronize_session": False}
    if has_recordset(table, names, dialect := session.get_bind().dialect):
        source, given = recordset(table, ["id", *names], rows, dialect)
        values: dict[str, Any] = {name: source.c[name] for name in names}
        many = update(model).where(these, ~col(model.is_deleted), col(model.id) == source.c.id)
        session.exec(own(many.values({**values, **stamps})), params=given, execution_options=options)
        return
    # On the table: the ORM updates a list of rows by primary key only.
    values = {name: bindparam(f"row_{name}", type_=table.c[name].type) for name in names}
    each = table.update().where(these, ~table.c.is_deleted, table.c.id == bindparam("row_id"))
    params = [{f"row_{name}": row[name] for name in ("id", *names)} for row in rows]
    session.exec(own(each.values({**values, **stamps})), params=params, execution_options=options)


def reload_rows(session: DomainSession, model: type[Entity], ids: Sequence[int], organization: int | None) -> None:
    """Refresh the session's objects of the rows; the rollback of a savepoint expires them."""
    statement = select(model).where(of_organization(model, organization), col(model.id).in_(ids))
    for entity in session.exec(own(statement), execution_options={"populate_existing": True}).all():
        expire_on_savepoint_rollback(session, entity)
