"""Other uses of a session: statements by hand, over one model."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Integer,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased, selectinload
from sqlmodel import col

from ...kit.model.fields import relationship_of
from ...kit.model.tables import ORGANIZATION_ID, live_unique_indexes
from ...kit.session import PURGING, including_deleted
from .call import Act, Call, executing
from .discovery import Model, references
from .world import World


def read_calls(world: World, model: Model) -> Iterator[Call]:
    """Selects, with and without the victim's id."""
    row, gone, organization = world.victim.row(model), world.victim.gone(model), world.victim.organization_id
    other = aliased(model)
    part = select(model.id, model.organization_id).subquery()
    selects: dict[str, Any] = {
        "select": select(model),
        "select by id": select(model).where(col(model.id).in_([row.id, gone.id])),
        "select by organization": select(model).where(col(model.organization_id) == organization),
        "select with deleted rows": including_deleted(select(model)),
        "select a deleted row by id": including_deleted(select(model).where(col(model.id) == gone.id)),
        "select columns": select(*model.__mapper__.column_attrs.values()[:3]),
        "select count": select(func.count()).select_from(model),
        "select max": select(func.max(model.id)),
        "select alias": select(other),
        "select from subquery": select(*part.c),
        "select scalar subquery": select(select(func.count(col(model.id))).scalar_subquery()),
        "select exists": select(exists(select(model.id).where(col(model.organization_id) == organization))),
        "select cte": select(*select(model.id).cte().c),
        "select union": union_all(select(model.id), select(other.id)),
        "select self-join": select(other.id).join(model, col(other.id) != col(model.id)),
    }
    for name, parent in references(model).items():
        selects[f"select join on {name}"] = select(model.id, parent.id).join(parent, literal(value=True))
        outer = select(model.id, parent.id).outerjoin(parent, col(parent.id) != 0)
        selects[f"select outer join on {name}"] = outer
    for name in [relationship.key for relationship in model.__mapper__.relationships]:
        selects[f"select with {name}"] = select(model).options(selectinload(relationship_of(model, name)))
    title, key = f"{model.__name__}: session.", (organization, row.id)
    for name, statement in selects.items():
        yield Call(f"{title}execute {name}", "ORM select", executing(statement), (row.id, gone.id, organization))
    yield Call(f"{title}execute select", "unbound session", executing(selects["select"]), is_bound=False)
    yield Call(f"{title}get", "foreign id", lambda s: s.get(model, key), key)
    yield Call(f"{title}get_one", "foreign id", lambda s: s.get_one(model, key), key)
    yield Call(f"{title}query", "ORM select", lambda s: Session.query(s, model).all())
    yield Call(f"{title}query.count", "ORM select", lambda s: Session.query(s, model).count())


def write_calls(world: World, model: Model) -> Iterator[Call]:
    """Updates, deletes and inserts."""
    row, own, organization = world.victim.row(model), world.attacker.row(model), world.victim.organization_id
    by_id = col(model.id) == row.id
    change, theirs = world.change(model), {**world.copy(model), ORGANIZATION_ID: organization}
    moved = {ORGANIZATION_ID: world.attacker.organization_id}
    statements: dict[str, Any] = {
        "update": update(model).values(**change),
        "update by id": update(model).where(by_id).values(**change),
        "update organization": update(model).where(by_id).values(**moved),
        "give away": update(model).where(col(model.id) == own.id).values(**{ORGANIZATION_ID: organization}),
        "delete by id": delete(model).where(by_id),
        "purge by id": delete(model).where(by_id).execution_options(**{PURGING: True}),
        "insert for another": insert(model).values(**theirs),
    }
    mapping = {"id": row.id, ORGANIZATION_ID: organization, "version": 1, "is_deleted": True}
    acts: dict[str, Act] = {
        **{f"execute {name}": executing(statement) for name, statement in statements.items()},
        "query.update": lambda s: Session.query(s, model).update(change),
        "bulk_insert_mappings": lambda s: s.bulk_insert_mappings(model, [theirs]),
        "bulk_update_mappings": lambda s: s.bulk_update_mappings(model, [mapping]),
    }
    for name, act in acts.items():
        yield Call(f"{model.__name__}: session.{name}", "ORM write", act, (row.id, organization))


def raw_calls(world: World, model: Model) -> Iterator[Call]:
    """SQL and Core tables: refused; on PostgreSQL with ``unguarded_sql`` as well, left to row level security."""
    table: Any = model.__table__
    row, organization = world.victim.row(model), world.victim.organization_id
    copy, change = world.copy(model), world.change(model)
    columns: list[Any] = list(table.c)
    texts = {
        "select": f"SELECT * FROM {table.name}",  # noqa: S608  # nothing but the model's own name
        "update": f"UPDATE {table.name} SET version = 7 WHERE id = {row.id}",  # noqa: S608  # as above
        "delete": f"DELETE FROM {table.name} WHERE id = {row.id}",  # noqa: S608  # as above
        "with": f"WITH found AS (SELECT * FROM {table.name}) SELECT count(*) FROM found",  # noqa: S608  # as above
    }
    statements: dict[str, Any] = {
        **{f"text {name}": text(statement) for name, statement in texts.items()},
        "literal column": select(literal_column(f"(SELECT count(*) FROM {table.name})", Integer)),  # noqa: S608  # as above
        "table select": select(*columns),
        "table update": update(table).where(table.c.id == row.id).values(**change),
        "table delete": delete(table).where(table.c.id == row.id),
        "table insert": insert(table).values(**{**copy, ORGANIZATION_ID: organization}),
        "insert from select": insert(model).from_select([ORGANIZATION_ID], select(table.c[ORGANIZATION_ID])),
    }
    if indexes := live_unique_indexes(table):
        make: Any = sqlite.insert if world.database.is_sqlite else postgresql.insert
        statements["on_conflict"] = (
            make(model)
            .values(**{**copy, **row.natural})
            .on_conflict_do_update(
                index_elements=indexes[0].columns.keys(), index_where=text("NOT is_deleted"), set_=change
            )
        )
    given = [row.id, organization, *row.natural.values()]
    for name, statement in statements.items():
        yield from with_unguarded(world, Call(f"{model.__name__}: {name}", "raw SQL", executing(statement), given))
    connection = Call(
        f"{model.__name__}: session.connection",
        "raw SQL",
        lambda session: session.connection().exec_driver_sql(texts["select"]).all(),
    )
    yield connection
    yield replace(connection, attack="unbound session", is_bound=False)


def with_unguarded(world: World, call: Call) -> Iterator[Call]:
    """The call, and on PostgreSQL the same in a session with ``unguarded_sql``."""
    yield call
    if not world.database.is_sqlite:
        yield replace(call, attack="unguarded_sql", unguarded_sql=True)
