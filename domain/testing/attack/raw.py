"""SQL and Core tables in a tenant session: refused; or left to row level security, where it was opened for that."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Integer, delete, insert, literal_column, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from ...kit.model.tables import ORGANIZATION_ID, live_unique_indexes
from ...kit.session import TenantSession
from .call import ORM, Call
from .discovery import Model, references
from .layers import Layer
from .world import World, natural_key

POLICIES = frozenset({Layer.POLICIES})


def raw_calls(world: World, model: Model) -> Iterator[Call]:
    """Each in an ordinary session, and on PostgreSQL in one with ``unguarded_sql`` as well."""
    table: Any = model.__table__
    row, own, organization = world.victim.row(model), world.attacker.row(model), world.victim.organization_id
    plain = {name: value for name, value in own.fields.items() if name not in {"id", *natural_key(model)}}
    ordinary = (item for item in plain.items() if item[0] not in {ORGANIZATION_ID, *references(model)})
    changed: dict[Any, Any] = dict([next(ordinary, ("version", 7))])
    every: list[Any] = list(table.c)
    texts = {
        "select": f"SELECT * FROM {table.name}",  # noqa: S608  # nothing but the model's own name
        "update": f"UPDATE {table.name} SET version = 7 WHERE id = {row.id}",  # noqa: S608  # as above
        "delete": f"DELETE FROM {table.name} WHERE id = {row.id}",  # noqa: S608  # as above
        "with": f"WITH found AS (SELECT * FROM {table.name}) SELECT count(*) FROM found",  # noqa: S608  # as above
    }
    statements: dict[str, Any] = {
        **{f"text {name}": text(statement) for name, statement in texts.items()},
        "literal column": select(literal_column(f"(SELECT count(*) FROM {table.name})", Integer)),  # noqa: S608  # as above
        "table select": select(*every),
        "table update": update(table).where(table.c.id == row.id).values(**changed),
        "table delete": delete(table).where(table.c.id == row.id),
        "table insert": insert(table).values(**{**plain, ORGANIZATION_ID: organization}),
        "insert from select": insert(model).from_select([ORGANIZATION_ID], select(table.c[ORGANIZATION_ID])),
    }
    if indexes := live_unique_indexes(table):
        make: Any = sqlite.insert if world.database.is_sqlite else postgresql.insert
        key = indexes[0]
        taken = {name: row.fields[name] for name in natural_key(model) if name in row.fields}
        upsert = (
            make(model)
            .values(**{**plain, **taken})
            .on_conflict_do_update(
                index_elements=list(key.columns.keys()),
                index_where=text("NOT is_deleted"),
                set_=changed,
            )
        )
        statements["on_conflict"] = upsert
    for name, statement in statements.items():
        given = [row.id, organization, *(row.fields[key] for key in natural_key(model) if key in row.fields)]
        call = Call(f"{model.__name__}: {name}", "raw SQL", _executing(statement), _handing(given), ORM)
        yield call
        if not world.database.is_sqlite:
            yield replace(call, stopped_by=POLICIES, attack="unguarded_sql", unguarded_sql=True)
    connection = Call(f"{model.__name__}: session.connection", "raw SQL", _connecting(texts["select"]), list, ORM)
    yield connection
    yield replace(connection, attack="unbound session", is_bound=False)


def _handing(given: list[object]) -> Callable[[], list[Any]]:
    return lambda: given


def _executing(statement: Any) -> Callable[[TenantSession, list[Any]], object]:
    def act(session: Any, _given: list[Any]) -> object:
        result: Any = session.execute(statement)
        return result.all() if result.returns_rows else None

    return act


def _connecting(statement: str) -> Callable[[TenantSession, list[Any]], object]:
    return lambda session, _given: session.connection().exec_driver_sql(statement).all()
