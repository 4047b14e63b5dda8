"""The layers that hold an organization's data apart, and attacks with some of them switched off, from outside."""

from collections.abc import Callable, Collection, Generator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from sqlalchemy import BindParameter, ColumnElement, event, text, true

from domain import Database, DomainModel, TenantSession, repositories
from domain.kit.database.sqlite_connection import ScopedConnection
from domain.kit.model.tables import organization_column
from domain.kit.repository import bulk, bulk_statements, deleting, listing, restoring, statements, upsert, writing
from domain.kit.session import executing, guard
from domain.testing import attack
from domain.testing.attack import Report


class Layer(StrEnum):
    """What keeps one organization's rows from another, beside the composite keys, which stand in the tables."""

    PREDICATES = "repository predicates"
    GUARD = "session guard"
    POLICIES = "the database's scope"  # row level security, SQLite's views and triggers


def attack_without(database: Database, layers: Collection[Layer], **options: Any) -> Report:
    """Attack with these layers switched off: the report has what the others have to stop."""
    with switched_off(database, layers):
        found = attack(database, **options)
    report = Report()
    for (method, kind), tried in found.cells.items():
        if _has_another_layer(method, kind, layers):
            report.cells[method, kind] = tried
    report.leaks = [leak for leak in found.leaks if _has_another_layer(leak.method, leak.attack, layers)]
    return report


def _has_another_layer(method: str, kind: str, off: Collection[Layer]) -> bool:
    if Layer.POLICIES in off and (kind in {"structure", "unguarded_sql"} or method.endswith(": pooled connection")):
        return False
    if {Layer.POLICIES, Layer.GUARD} <= {*off}:
        # The predicates are left, which only the package's own repositories write.
        return method.partition(".")[0] in vars(repositories) and kind != "subquery"
    return True


@contextmanager
def switched_off(database: Database, layers: Collection[Layer]) -> Generator[None]:
    """Leave the layers out until the block ends; it patches the package, for every thread."""
    with ExitStack() as stack:
        if Layer.PREDICATES in layers:
            stack.enter_context(_without_predicates())
        if Layer.GUARD in layers:
            stack.enter_context(_without_guard())
        if Layer.POLICIES in layers:
            stack.enter_context(_without_views(database) if database.is_sqlite else _without_policies(database))
        yield


def of_anyone(_rows: object, organization: int | BindParameter[int] | None) -> ColumnElement[bool]:
    """Stand for ``of_organization``, and hold of every row."""
    # A parameter that is sent has to occur in the statement.
    return organization == organization if isinstance(organization, BindParameter) else true()


@contextmanager
def _without_predicates() -> Generator[None]:
    with ExitStack() as stack:
        for module in (statements, deleting, restoring, bulk_statements, upsert):
            stack.enter_context(patch.object(module, "of_organization", of_anyone))
        for module in (bulk, writing):
            stack.enter_context(patch.object(module, "lock_references"))
        with rebuilt_statements():
            yield


@contextmanager
def rebuilt_statements() -> Generator[None]:
    """Build the repositories' statements anew, for the block and after it."""
    caches: list[Any] = [vars(statements)["_built"], vars(listing)["_built"], vars(deleting)["_built"]]
    for cache in caches:
        cache.cache_clear()
    try:
        yield
    finally:
        for cache in caches:
            cache.cache_clear()


_LISTENERS: dict[str, Callable[..., object]] = {
    "before_attach": vars(guard)["_check_attach"],
    "before_flush": vars(guard)["_check_flush"],
}
_OVERRIDES = ("get", "connection", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings")


@contextmanager
def _without_guard() -> Generator[None]:
    overrides = {name: vars(TenantSession)[name] for name in _OVERRIDES}
    for name, listener in _LISTENERS.items():
        event.remove(TenantSession, name, listener)
    for name in overrides:
        delattr(TenantSession, name)
    try:
        with (
            patch.object(executing, "dialect_for_organizations", _itself),
            patch.object(guard, "_refuse"),
        ):
            yield
    finally:
        for name, method in overrides.items():
            setattr(TenantSession, name, method)
        for name, listener in _LISTENERS.items():
            event.listen(TenantSession, name, listener, insert=True)  # before those of modules that build on it


def _itself(dialect: object) -> object:
    return dialect


@contextmanager
def _without_policies(database: Database) -> Generator[None]:
    tables = [table.name for table in DomainModel.metadata.sorted_tables if organization_column(table) is not None]

    def alter(state: str) -> None:
        with database.migration_engine.begin() as connection:
            present = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")))
            for table in tables:
                if table in present:
                    connection.exec_driver_sql(f'ALTER TABLE "{table}" {state} ROW LEVEL SECURITY')

    alter("DISABLE")
    try:
        yield
    finally:
        alter("ENABLE")


@contextmanager
def _without_views(database: Database) -> Generator[None]:
    database.engine.dispose()
    try:
        with patch.object(ScopedConnection, "hold_scope"):
            yield
    finally:
        database.engine.dispose()
