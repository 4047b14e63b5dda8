"""Statements of our own beside the tables, in ``create_all`` and ``drop_all``."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, MetaData, Table, event

Statements: TypeAlias = Callable[[Table, str], Iterable[str]]
"""Of a table, for a dialect by its name."""


def emit(metadata: MetaData, moment: Literal["after_create", "after_drop"], statements: Statements) -> None:
    """Execute the statements for the tables that were created, or dropped."""

    @event.listens_for(metadata, moment)
    def _emit(_metadata: MetaData, connection: Connection, *, tables: Sequence[Table] = (), **_options: Any) -> None:
        for table in tables:
            for statement in statements(table, connection.dialect.name):
                connection.exec_driver_sql(statement)
