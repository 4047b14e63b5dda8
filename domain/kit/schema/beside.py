"""Every kind of object beside tables: its part in ``create_all`` and ``drop_all``, and its faults."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, MetaData, Table, event

from ..model.tables import refuse_awaited
from .audit_trail import AuditTrail
from .replaceable import Replaceable
from .scope_postgresql import RowLevelSecurity
from .search_index import SearchIndex

REPLACEABLES: dict[str, Replaceable] = {kind.name: kind for kind in (RowLevelSecurity(), AuditTrail(), SearchIndex())}


def attach(metadata: MetaData) -> None:
    """Have the objects made after the metadata's tables, and dropped before them."""

    @event.listens_for(metadata, "before_create")
    def _check(*_arguments: Any, **_options: Any) -> None:
        refuse_awaited()

    @event.listens_for(metadata, "after_create")
    def _create(_metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any) -> None:
        dialect = connection.dialect.name
        for kind, table in _pairs(tables):
            for statement in kind.create(table.name, kind.wanted(table), dialect):
                connection.exec_driver_sql(statement)

    @event.listens_for(metadata, "before_drop")
    def _drop(_metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any) -> None:
        for kind, table in _pairs(tables):
            for statement in kind.drop(table.name, connection.dialect.name):
                connection.exec_driver_sql(statement)


def faults(connection: Connection, tables: Iterable[Table]) -> Iterator[tuple[Replaceable, Table, str]]:
    """Faults of the objects beside those tables that the database has, in words."""
    by_name = {table.name: table for table in tables}
    for kind in REPLACEABLES.values():
        for name, found in (kind.present(connection) or {}).items():
            if name in by_name and (said := kind.faults(found, kind.wanted(by_name[name]))):
                yield kind, by_name[name], f"the {kind.name} of {name} is not its model's: {', '.join(said)}"


def _pairs(tables: Sequence[Table]) -> Iterator[tuple[Replaceable, Table]]:
    return ((kind, table) for kind in REPLACEABLES.values() for table in tables if kind.wanted(table))
