"""SQL and Core tables in a tenant session: refused; or left to row level security, where it was opened for that."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Integer, delete, insert, literal_column, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from ...kit.model.tables import ORGANIZATION_ID, live_unique_indexes
from .call import Call, executing
from .discovery import Model
from .world import World


def raw_calls(world: World, model: Model) -> Iterator[Call]:
    """Each in an ordinary session, and on PostgreSQL in one with ``unguarded_sql`` as well."""
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
