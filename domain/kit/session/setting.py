"""Settings that last for a transaction (the organization, the actor); on PostgreSQL sent with the next statement.

Local to the transaction, so that nothing survives on a pooled connection (PgBouncer's transaction mode included).
The session sets them at every begin; the connection repeats them after a rollback to a savepoint, which undoes what
was set inside it.
"""

from collections.abc import Callable
from typing import Protocol, cast

from sqlalchemy import Connection

from ...errors import ArgumentError, MisuseError
from ..model.fields import storable

_INT64_MAX = 2**63 - 1
READ_ONLY_SETTING = "transaction_read_only"  # PostgreSQL's; SQLite's connections keep it as they do the others


class SettingConnection(Protocol):
    """A driver's connection that keeps settings: ``OneMessageConnection``, ``ScopedConnection``."""

    def set_local(self, name: str, value: int | str) -> None: ...

    def run_before_next_statement(self, question: str, sent: Callable[[], object]) -> None: ...

    def report_commit(self, report: Callable[[float], object]) -> None: ...


def refuse_unstorable(value: object) -> None:
    """Raise ArgumentError for what no column can hold: NUL, half a surrogate pair, an integer beyond 64 bits."""
    if isinstance(value, str):
        try:
            storable(value)
        except ValueError as error:
            raise ArgumentError(f"a text {error}") from None
    elif isinstance(value, int) and not -_INT64_MAX - 1 <= value <= _INT64_MAX:
        raise ArgumentError("an integer must fit into 64 bits")


def checked_int(value: object, name: str) -> int:
    """The number. Raises MisuseError where it is no int: each database would take it for something else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise MisuseError(f"{name} is an int, not {type(value).__name__}")
    return value


def is_storable_text(value: object, name: str) -> bool:
    """Tell if a column can hold the text. Raises ArgumentError where it is no text."""
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is a text, not {type(value).__name__}")
    try:
        storable(value)
    except ValueError:
        return False
    return True


def driver_of(connection: Connection) -> SettingConnection:
    """The driver's connection."""
    return cast(SettingConnection, connection.connection.dbapi_connection)


def set_local(connection: Connection, name: str, value: int | str) -> None:
    """Have the database know a setting from the next statement on, until the transaction ends."""
    refuse_unstorable(value)
    driver_of(connection).set_local(name, value)
