"""Settings of PostgreSQL that last for a transaction (the organization, the actor), sent with the next statement.

Local to the transaction, so that nothing survives on a pooled connection (PgBouncer's transaction mode included).
The session sets them at every begin; the connection repeats them after a rollback to a savepoint, which undoes what
was set inside it.
"""

from collections.abc import Callable
from typing import Protocol, cast

from sqlalchemy import Connection


class _Putting(Protocol):
    """A driver's connection that keeps settings: ``database.postgresql.FoldingConnection``."""

    def put(self, name: str, value: int | str) -> None: ...

    def ask(self, question: str, sent: Callable[[], object]) -> None: ...


def put(connection: Connection, name: str, value: int | str) -> None:
    """Have PostgreSQL know a setting from the next statement on, until the transaction ends."""
    if connection.dialect.name == "postgresql":
        cast(_Putting, connection.connection.dbapi_connection).put(name, value)


def ask(connection: Connection, question: str, sent: Callable[[], object]) -> None:
    """Have PostgreSQL run a SELECT without parameters before the next statement, in its message: for its lock or error.

    ``sent`` is called as it goes out.
    """
    cast(_Putting, connection.connection.dbapi_connection).ask(question, sent)
