"""PostgreSQL with few messages: BEGIN, the settings and the first statement travel in one.

psycopg2 sends BEGIN as a message of its own. So its connections run in autocommit mode, and send BEGIN in front of
the first statement that may write. Reads before it run without a transaction: under READ COMMITTED every statement
has a snapshot of its own anyway, and a unit that only reads ends without a COMMIT.
"""

import os
import socket
from collections.abc import Callable
from functools import cache
from math import inf
from time import monotonic
from typing import Any

from psycopg2 import Error, errors, extensions

from ...limits import REST_LIMIT
from .forking import CONNECTIONS, inherited

_IDLE = extensions.TRANSACTION_STATUS_IDLE
_FAILED = extensions.TRANSACTION_STATUS_INERROR
_STRICTER: dict[int | None, str] = {
    extensions.ISOLATION_LEVEL_REPEATABLE_READ: " ISOLATION LEVEL REPEATABLE READ",
    extensions.ISOLATION_LEVEL_SERIALIZABLE: " ISOLATION LEVEL SERIALIZABLE",
}
_POSITION = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
SHORTEST_REST_SECONDS = 0.1  # shorter ones are ignored


class OneMessageConnection(extensions.connection):
    """A connection that sends BEGIN and the settings in the message of the next statement."""

    autocommit: bool

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.autocommit = True
        self.commit_sent: bool = False
        self.used_at: float = monotonic()  # when the last message was answered
        self.was_ended: bool = False  # by the server, after too long a rest in a transaction
        self.is_inherited: bool = False  # by a forked child
        self.is_tainted: bool = False  # something may have been left on it that outlives the transaction
        self.is_own = False  # a listener of the application's has set it up
        self.starts_with: dict[str, str] = {}  # settings of every transaction
        self._folds = True
        self._level: int | None = None
        self._settings: dict[str, str] = {}
        self._unsent: dict[str, str] = {}
        self._questions: list[tuple[str, Callable[[], object]]] = []
        self._report: Callable[[float], object] | None = None
        self.is_stricter = False  # than READ COMMITTED by the server's default: then reads need a transaction
        CONNECTIONS.add(self)

    def __repr__(self) -> str:
        # The pool logs it, and psycopg2's own shows the DSN with every secret but the password.
        return object.__repr__(self)

    __str__ = __repr__

    def leave_to_parent(self) -> None:
        """Replace the socket by a dead one: whatever uses the connection here, the server never hears of it."""
        self.is_inherited = True
        if not self.closed:
            here, there = socket.socketpair()
            with here, there:
                os.dup2(here.fileno(), self.fileno(), inheritable=False)

    def set_local(self, name: str, value: int | str) -> None:
        """Have the server know a setting from the next statement on, until the transaction ends."""
        literal = extensions.adapt(str(value))
        literal.prepare(self)
        # A SELECT of set_config would be planned, and answered with a row.
        said = f"SET LOCAL {name} = {literal.getquoted().decode()}; "
        if self._settings.get(name) != said:
            self._settings[name] = self._unsent[name] = said

    def run_before_next_statement(self, question: str, sent: Callable[[], object]) -> None:
        """Send a SELECT without parameters before the next statement; ``sent`` is called as it goes out."""
        self._questions.append((question, sent))

    def report_commit(self, report: Callable[[float], object]) -> None:
        """Report the position in the server's log once this transaction has committed, or may have."""
        self._report = report

    def cursor(self, name: Any = None, cursor_factory: Any = None, *args: Any, **options: Any) -> Any:
        """Open a cursor that sends the settings, whatever its class."""
        return super().cursor(name, _one_message(cursor_factory or self.cursor_factory), *args, **options)

    def lift_limits(self) -> None:
        """Drop the settings that transactions start with, until the connection is given back."""
        self.starts_with, self._settings, self.is_tainted = {}, {}, True

    def forget(self) -> None:
        """Drop what outlives a transaction: settings, cursors, locks, temporary tables, and what else there is."""
        self._run("DISCARD ALL")
        self.notifies.clear()

    def prefix(self, *, reads: bool = False) -> str:
        """The text to send before a statement, in its message; ``reads``: it only reads."""
        if self.is_inherited:
            raise inherited()
        self._note_rest()
        self.commit_sent = False  # a refused one was answered
        if self._folds and self.get_transaction_status() == _IDLE:
            settings = self._settings
            outside = reads and not self.is_stricter and self._level not in _STRICTER
            begin = "" if outside else f"BEGIN{_STRICTER.get(self._level or 0, '')}; "
            if begin:
                self._unsent = {}
        else:
            settings, self._unsent = self._unsent, {}
            begin = ""
        return begin + "".join(settings.values()) + self._asked()

    def _note_rest(self) -> None:
        """Note, as a message goes out, if the server has ended the transaction: its own message about it gets lost."""
        rested, self.used_at = monotonic() - self.used_at, inf
        self.was_ended = False
        if rested > SHORTEST_REST_SECONDS and self.get_transaction_status() != _IDLE:
            limit = "".join(filter(str.isdecimal, self._settings.get(REST_LIMIT, "")))
            self.was_ended = 0 < int(limit or 0) < rested * 1000

    def _asked(self) -> str:
        if not self._questions:
            return ""
        questions, self._questions = self._questions, []
        for _, sent in questions:
            sent()
        return "".join(f"{question}; " for question, _ in questions)

    def begin(self) -> None:
        """Send BEGIN and the settings now, for a statement that can't carry them."""
        if prefix := self.prefix():
            self._run(prefix)

    def begin_by_driver(self) -> None:
        """The same for a server-side cursor, which psycopg2 allows only in a transaction that it began itself."""
        if self.autocommit:
            self.autocommit = False
            self.isolation_level = self._level
        prefix = self.prefix()
        if prefix.startswith("BEGIN"):
            prefix = prefix.partition("; ")[2]
        if prefix:
            self._run(prefix)

    def set_local_again(self) -> None:
        """Repeat the settings after a rollback to a savepoint, which undoes some."""
        self._unsent = dict(self._settings)

    def commit(self) -> None:
        """Raise InFailedSqlTransaction where the server would silently roll back; otherwise psycopg2's own."""
        if self.is_inherited:
            raise inherited()
        if self.get_transaction_status() == _FAILED:
            self.rollback()
            raise errors.InFailedSqlTransaction
        report = None if self.get_transaction_status() == _IDLE else self._report
        try:
            self._end("COMMIT", super().commit)
        except Error:
            if report is not None:
                report(inf)
            raise
        if report is not None:
            report(self._position())

    def rollback(self) -> None:
        if not self.is_inherited:
            self._end("ROLLBACK", super().rollback)

    def set_isolation_level(self, level: int | None) -> None:
        """Send it with the next BEGIN: psycopg2 would set it for the session. AUTOCOMMIT sends no BEGIN.

        What was begun, to ask for the level before, is rolled back, as in psycopg2.
        """
        if self.get_transaction_status() in (extensions.TRANSACTION_STATUS_INTRANS, _FAILED):
            self.rollback()
        self._folds = level != extensions.ISOLATION_LEVEL_AUTOCOMMIT
        self._level = level

    def _end(self, command: str, by_driver: Callable[[], None]) -> None:
        self._note_rest()
        self._settings, self._unsent, self._questions, self._report = self.starts_with.copy(), {}, [], None
        self.commit_sent = False
        if not self.autocommit:
            self.commit_sent = command == "COMMIT"
            by_driver()
            self.isolation_level = None  # or autocommit would set it for the session
            self.autocommit = True
        elif self.get_transaction_status() != _IDLE:
            self.commit_sent = command == "COMMIT"
            self._run(command)
        self.commit_sent = False
        self.used_at = monotonic()

    def _position(self) -> float:
        """The end of the server's log; infinite if it can't be had."""
        try:
            with extensions.cursor(self) as cursor:
                cursor.execute(_POSITION)
                return int(cursor.fetchall()[0][0])
        except Error:  # what was committed stays so
            return inf

    def _run(self, command: str) -> None:
        with extensions.cursor(self) as cursor:
            cursor.execute(command)


class OneMessageCursor(extensions.cursor):
    """``reads``: the statement only reads, and takes no lock that must last."""

    reads = False
    leaves_nothing = False  # that outlives the transaction

    @property
    def _one_message(self) -> OneMessageConnection:
        connection = self.connection
        assert isinstance(connection, OneMessageConnection)
        if not self.leaves_nothing:
            connection.is_tainted = True
        return connection

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  # psycopg2's name
        connection = self._one_message
        if self.name is not None:
            connection.begin_by_driver()
            super().execute(query, vars)
        elif isinstance(query, str) and query.startswith("ROLLBACK TO"):
            super().execute(query, vars)  # all that a failed transaction accepts
            connection.set_local_again()
        elif isinstance(query, str):
            prefix = connection.prefix(reads=self.reads)
            super().execute((prefix.replace("%", "%%") if vars is not None else prefix) + query, vars)
            connection.used_at = monotonic()
        else:
            connection.begin()
            super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        self._one_message.begin()
        super().executemany(query, vars_list)

    def callproc(self, procname: Any, parameters: Any = ()) -> Any:
        self._one_message.begin()
        return super().callproc(procname, parameters)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        self._one_message.begin()
        super().copy_expert(sql, file, size)

    def copy_from(self, *args: Any, **options: Any) -> None:
        self._one_message.begin()
        super().copy_from(*args, **options)

    def copy_to(self, *args: Any, **options: Any) -> None:
        self._one_message.begin()
        super().copy_to(*args, **options)


@cache
def _one_message(factory: type[extensions.cursor]) -> type[OneMessageCursor]:
    """The class, mixed with ours if need be: a cursor without settings would read no rows, in no transaction."""
    if issubclass(factory, OneMessageCursor):
        return factory
    return type(factory.__name__, (OneMessageCursor, factory), {})
