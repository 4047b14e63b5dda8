"""The audit trail's triggers in ``create_all`` and ``drop_all``, as row level security is there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, MetaData, Table, event

from . import audit_postgresql, audit_sqlite
from .audit_columns import ENTRIES, audited


def emit_with(metadata: MetaData) -> None:
    """Let ``create_all`` make the triggers of the tables that it creates, and ``drop_all`` leave nothing of them."""

    @event.listens_for(metadata, "after_create")
    def _after_create(
        _metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any
    ) -> None:
        for table in tables:
            if followed := audited(table):
                if connection.dialect.name == "postgresql":
                    statements = list(audit_postgresql.create(table.name, audit_postgresql.body(followed)))
                else:
                    statements = list(audit_sqlite.triggers(followed).values())
                for statement in statements:
                    connection.exec_driver_sql(statement)
            if table.name == ENTRIES and connection.dialect.name == "sqlite":
                connection.exec_driver_sql(audit_sqlite.CREATE_CONTEXT)

    @event.listens_for(metadata, "after_drop")
    def _after_drop(
        _metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any
    ) -> None:
        for table in tables:
            if connection.dialect.name == "postgresql" and audited(table):
                connection.exec_driver_sql(audit_postgresql.drop_function(table.name))
            elif table.name == ENTRIES:
                connection.exec_driver_sql(audit_sqlite.DROP_CONTEXT)
