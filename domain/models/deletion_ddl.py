"""The functions that delete softly in ``create_all`` and ``drop_all``, as the audit trail's triggers are there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, MetaData, Table, event

from .deletion_postgresql import create, deletable, drop


def emit_with(metadata: MetaData) -> None:
    """Let ``create_all`` make the functions of the tables that it creates on PostgreSQL, and ``drop_all`` drop them."""

    @event.listens_for(metadata, "after_create")
    def _after_create(
        _metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any
    ) -> None:
        if connection.dialect.name == "postgresql":
            for table in tables:
                if wanted := deletable(table):
                    connection.exec_driver_sql(create(wanted))

    @event.listens_for(metadata, "after_drop")
    def _after_drop(
        _metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any
    ) -> None:
        if connection.dialect.name == "postgresql":
            for table in filter(deletable, tables):
                connection.exec_driver_sql(drop(table.name))
