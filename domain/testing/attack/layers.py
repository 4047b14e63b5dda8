"""The layers that hold an organization's data apart, and how a test switches one off, from outside."""

from collections.abc import Callable, Collection, Generator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from sqlalchemy import BindParameter, ColumnElement, event, text, true

from ...database import Database
from ...kit.database.sqlite_scope import EmbeddedConnection
from ...kit.model import DomainModel
from ...kit.model.tables import organization_column
from ...kit.repository import bulk, bulk_statements, deleting, restoring, statements, upsert, writing
from ...kit.session import TenantSession, executing, guard


class Layer(StrEnum):
    """What keeps one organization's rows from another. ``KEYS`` stands in the tables and is never switched off."""

    PREDICATES = "repository predicates"
    GUARD = "session guard"
    POLICIES = "the database's scope"  # row level security, SQLite's views and triggers
    KEYS = "composite keys"


@contextmanager
def switched_off(database: Database, layers: Collection[Layer]) -> Generator[None]:
    """Leave the layers out until the block ends. For tests alone: it patches the package, for every thread."""
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
    def no_lock(*_arguments: object, **_options: object) -> None:
        """The keys in the database are another layer."""

    with ExitStack() as stack:
        for module in (statements, deleting, restoring, bulk_statements, upsert):
            stack.enter_context(patch.object(module, "of_organization", of_anyone))
        for module in (bulk, writing):
            stack.enter_context(patch.object(module, "lock_references", no_lock))
        with rebuilt_statements():
            yield


@contextmanager
def rebuilt_statements() -> Generator[None]:
    """Build the repositories' statements anew, for the block and after it."""
    caches: list[Any] = [vars(statements)["_built"], vars(deleting)["_built"]]
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


def _hold_nothing(_connection: object) -> None:
    """In place of what makes the views and triggers."""


@contextmanager
def _without_views(database: Database) -> Generator[None]:
    database.engine.dispose()
    try:
        with patch.object(EmbeddedConnection, "hold_scope", _hold_nothing):
            yield
    finally:
        database.engine.dispose()
