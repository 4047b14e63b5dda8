"""The organization as PostgreSQL knows it: a transaction-local setting, sent with the next statement.

Local to the transaction, so that nothing survives on a pooled connection (PgBouncer's transaction mode included).
Sent again at every begin, at binding, and after a rollback to a savepoint, which undoes what was set inside it.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

# In Connection.info: what holds in this transaction, and what of it the server has yet to be told.
_CURRENT = "domain_settings"
_PENDING = "domain_settings_pending"
_QUESTION = "domain_question"  # what goes out with the settings, see ``ask``

_SAVEPOINTS = ("SAVEPOINT", "ROLLBACK TO", "RELEASE")

Setting = dict[str, int | str]


def put(connection: Connection, name: str, value: int | str) -> None:
    """Have PostgreSQL know a setting from the next statement on, until the transaction ends."""
    if connection.dialect.name == "postgresql":
        current: Setting = connection.info.setdefault(_CURRENT, {})
        current[name] = value
        pending: Setting = connection.info.setdefault(_PENDING, {})
        pending[name] = value


def ask(connection: Connection, question: str, sent: Callable[[], object]) -> None:
    """Have a SELECT sent with the settings that were ``put``; it takes no parameters, and answers with its error.

    ``sent`` is called as it goes out.
    """
    connection.info[_QUESTION] = (question, sent)


def send_settings(engine: Engine) -> None:
    """Let an engine's connections send what ``put`` left for them."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _before(
        connection: Connection, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        # A failed transaction takes nothing but ROLLBACK TO; what is set inside a savepoint may be undone.
        if _PENDING not in connection.info or statement.startswith(_SAVEPOINTS):
            return statement, parameters
        pending: Setting = connection.info.pop(_PENDING)
        question: str | None = None
        if _QUESTION in connection.info:
            question, sent = connection.info.pop(_QUESTION)
            sent()
        folds = not _is_executemany(parameters) and cursor.name is None
        if not folds or not all(isinstance(value, int) for value in pending.values()):
            _send(cursor, pending, question)
            return statement, parameters
        # No round trip of its own: digits can't be anything but digits, and the last statement's result counts.
        calls = ", ".join(f"set_config('{name}', '{value:d}', true)" for name, value in pending.items())
        return "; ".join(part for part in (f"SELECT {calls}", question, statement) if part), parameters

    @event.listens_for(engine, "rollback_savepoint")
    def _after_savepoint(connection: Connection, _name: str, _context: None) -> None:
        if current := connection.info.get(_CURRENT):
            connection.info[_PENDING] = dict(current)

    @event.listens_for(engine, "commit")
    @event.listens_for(engine, "rollback")
    def _forget(connection: Connection) -> None:
        if connection.invalidated:
            return  # a lost connection took its info with it, and asking for it raises
        connection.info.pop(_CURRENT, None)
        connection.info.pop(_PENDING, None)
        connection.info.pop(_QUESTION, None)


def _send(cursor: Any, settings: Setting, question: str | None) -> None:
    with cursor.connection.cursor() as other:
        for name, value in settings.items():
            other.execute("SELECT set_config(%s, %s, true)", (name, str(value)))
        if question is not None:
            other.execute(question)


def _is_executemany(parameters: object) -> bool:
    """Whether the statement is run for each of a list; insertmanyvalues, many as well, sends one for all."""
    return isinstance(parameters, list)
