"""Every row of every table as the database holds it, read by the owner; and putting it back."""

from typing import Any

from sqlalchemy import Connection, Table, inspect, select

from ...database import Database
from ...kit.model import DomainModel
from ...kit.records import AuditEntry, PurgeRecord, SystemAccess

Key = tuple[object, ...]
Rows = dict[Key, dict[str, Any]]
Snapshot = dict[str, Rows]


class Snapshots:
    """Takes and restores snapshots of the tables that the database has."""

    def __init__(self, database: Database) -> None:
        self._engine = database.migration_engine
        present = set(inspect(self._engine).get_table_names())
        tables = DomainModel.metadata.sorted_tables
        # What is written beside the rows grows with every attempt, and with putting back what it changed.
        beside = {model.__tablename__ for model in (SystemAccess, PurgeRecord, AuditEntry)}
        self._tables = [t for t in tables if t.name in present and t.name not in beside]

    def take(self) -> Snapshot:
        """All rows, by table and primary key."""
        with self._engine.connect() as connection:
            return {table.name: _rows(connection, table) for table in self._tables}

    def restore(self, wanted: Snapshot) -> None:
        """Make the tables hold these rows and no others."""
        with self._engine.begin() as connection:
            current = {table.name: _rows(connection, table) for table in self._tables}
            for table in reversed(self._tables):
                for key in current[table.name].keys() - wanted[table.name].keys():
                    connection.execute(table.delete().where(*_is(table, key)))
            for table in self._tables:
                for key, row in wanted[table.name].items():
                    stored = current[table.name].get(key)
                    if stored is None:
                        connection.execute(table.insert().values(row))
                    elif stored != row:
                        connection.execute(table.update().where(*_is(table, key)).values(row))


def _rows(connection: Connection, table: Table) -> Rows:
    keys = table.primary_key.columns.keys()
    written = [column for column in table.c if column.computed is None]
    found = connection.execute(select(*written)).mappings()
    return {tuple(row[key] for key in keys): dict(row) for row in found}


def _is(table: Table, key: Key) -> list[Any]:
    return [column == value for column, value in zip(table.primary_key.columns, key, strict=True)]
