"""The drivers' errors become ours here, by the constraint's name and the SQLSTATE: ``engines`` registers it.

(An upsert that meets another organization's row raises DuplicateError itself, in ``repository.writing``.)
"""

import re
from typing import Any

from pydantic import ValidationError
from sqlalchemy.engine import ExceptionContext

from ...errors import (
    ConfigurationError,
    ConflictError,
    ConstraintError,
    DomainError,
    OutcomeUnknownError,
    ReadOnlySessionError,
    UnavailableError,
)
from ...limits import REST_WAS_TOO_LONG, exceeded
from ..schema.scope_sqlite import REFUSED
from ..session import is_read_only
from ..session.deleted_organizations import refused
from . import constraints

_RETRYABLE = {"40001", "40P01", "53300", "57P03"}  # serialization, deadlock, full, starting
_UNAVAILABLE = {"57P01", "57P02", "53100", "53200", "53400"}
_UNDEFINED = {"3F000", "42P01", "42703"}  # schema, table, column
_READ_ONLY = "25006"
LOST = "the connection to the database was lost"
_FAILED = "an earlier statement of this transaction failed, so nothing of it can be committed"
READ_ONLY = "the database is read-only (a standby, or a file without the right to write): nothing was written"
FULL = "every connection of the server is taken: see its max_connections, and pool_size"
# When a connection is refused, the driver has only the server's words, and no SQLSTATE.
_REFUSED = re.compile(r"password|authentication|log in|(role|database) .* does not exist|no such|pg_hba")
_UNTRUSTED = re.compile(r"certificate|does not support SSL")
_FULL = re.compile(r"too many|connection slots|no more connections")
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")
_SQLITE_CHECK = re.compile(r"CHECK constraint failed: (\w+)")
_SQLITE_UNIQUE_INDEX = re.compile(r"UNIQUE constraint failed: index '(.+)'")
_SQLITE_FILE = re.compile("unable to open|not a database|malformed|disk")
_SQLITE_NOT_NULL = re.compile(r"NOT NULL constraint failed: (\S+)\.(\S+)")
_SQLITE_UNDEFINED = re.compile("no such table|no such column|has no column")


def translated(context: ExceptionContext) -> DomainError | None:
    """Our error for the driver's, its cause kept; None leaves the error as it is."""
    error = context.original_exception
    if isinstance(error, UnavailableError):  # ours, of a connection that was inherited; SQLAlchemy would wrap it
        return UnavailableError(str(error), retryable=False)
    if not isinstance(error, Exception) or isinstance(error, DomainError):
        return None  # Ctrl-C, after which SQLAlchemy drops the connection; or one of ours
    if _was_ended(context):
        return exceeded(REST_WAS_TOO_LONG)
    if _is_unanswered_commit(context) and not is_read_only(context.connection):  # which has nothing to store
        return OutcomeUnknownError()
    if context.is_disconnect:
        return UnavailableError(LOST, retryable=True)
    if isinstance(error, ValidationError):
        reasons = "; ".join(line["msg"] for line in error.errors(include_input=False, include_url=False))
        return ConstraintError(f"a JSON value holds, or was changed in place to, what its column refuses: {reasons}")
    if isinstance(error, ValueError):  # raised by a column type on its way to the database
        return ConstraintError(str(error))
    if isinstance(error, OverflowError):
        return ConstraintError("a number is too large for its column")
    dbapi = context.dialect.loaded_dbapi
    if not isinstance(error, dbapi.Error):
        return None
    if context.dialect.name != "postgresql":
        return _from_sqlite(first_line(error))
    _keep_first_line(context, error)
    if isinstance(error, dbapi.errors.InFailedSqlTransaction):
        return failed()
    if error.pgcode is None and isinstance(error, dbapi.OperationalError):
        return _unconnected(str(error))
    if error.pgcode == _READ_ONLY and is_read_only(context.connection):
        return ReadOnlySessionError()
    return _from_postgresql(error)


def failed() -> ConflictError:
    """The error of a transaction that went on after an error."""
    error = ConflictError(f"{_FAILED}; roll back")
    error.told = _FAILED
    return error


def first_line(error: object) -> str:
    """The driver's message, without further lines (DETAIL, LINE 1: ...), which may repeat values."""
    return str(error).strip().partition("\n")[0].strip()


def without_values(error: Any) -> str:
    """The same for psycopg2's errors; in class 22 the first line repeats a value, too."""
    code: str = error.pgcode or ""
    return f"a value does not fit ({code})" if code.startswith("22") else first_line(error)


def _keep_first_line(context: ExceptionContext, error: Any) -> None:
    """Cut the driver's own error: tracebacks show it."""
    said = without_values(error)
    for shown in (error, context.sqlalchemy_exception) if error.pgcode else ():
        if shown is not None:
            shown.args = (said,)


def _was_ended(context: ExceptionContext) -> bool:
    """True if PostgreSQL closed the connection before the message that failed: nothing was stored."""
    connection = context.connection
    if connection is None or connection.invalidated or not context.is_disconnect:
        return False
    code: str | None = getattr(context.original_exception, "pgcode", None)
    return code == REST_WAS_TOO_LONG or getattr(connection.connection.dbapi_connection, "was_ended", False)


def _is_unanswered_commit(context: ExceptionContext) -> bool:
    """True if COMMIT was sent and PostgreSQL did not tell its outcome."""
    connection = context.connection
    if connection is None or connection.invalidated:
        return False
    driver = connection.connection.dbapi_connection
    sent: bool = getattr(driver, "commit_sent", False)  # OneMessageConnection's; SQLite always answers
    return sent and (context.is_disconnect or getattr(context.original_exception, "pgcode", None) is None)


def _unconnected(said: str) -> DomainError:
    why = said.rpartition(" failed: ")[2].rpartition("FATAL:")[2].strip()
    if _REFUSED.search(why):
        return ConfigurationError(f"the server refuses the login ({why}): see name, password and database in its URL")
    if _UNTRUSTED.search(why):
        return ConfigurationError(
            f"no safe line to the server ({first_line(why)}): see sslmode and sslrootcert in its URL"
        )
    return UnavailableError(FULL if _FULL.search(why) else "the database can't be reached", retryable=True)


def _from_postgresql(error: Any) -> DomainError | None:
    code: str = error.pgcode or ""
    told = error.diag
    said: str = told.message_primary or ""
    if code == "23505":
        return constraints.duplicate(told.constraint_name or "", told.table_name or "")
    if code.startswith("23"):
        return constraints.broken(told.constraint_name, told.table_name, told.column_name)
    if limit := exceeded(code):
        return limit
    if code == _READ_ONLY:
        return UnavailableError(READ_ONLY, retryable=False)
    if code in _RETRYABLE or code in _UNAVAILABLE:
        return UnavailableError(
            FULL if code == "53300" else f"the database gave up ({code})", retryable=code in _RETRYABLE
        )
    if deleted := refused(said):
        return deleted
    if code.startswith("22"):
        return ConstraintError(f"a value does not fit its column ({code})")
    # Row level security and a missing right have one SQLSTATE, and messages in the server's language.
    if code == "42501" and told.source_function == "ExecWithCheckOptions":
        return ConstraintError("row level security does not allow this session to write this row (42501)")
    if code == "42501":
        return ConfigurationError(f"this login lacks a right ({said}; 42501): run `domain db roles` as the owner")
    return _behind(said) if code in _UNDEFINED else None


def _behind(said: str) -> ConfigurationError:
    return ConfigurationError(
        f"the schema is missing or behind ({said}): run your own migrations for tables of yours, else"
        " run `domain db upgrade`"
    )


def _from_sqlite(said: str) -> DomainError | None:
    if match := _SQLITE_UNIQUE_INDEX.search(said):
        return constraints.duplicate(match[1])
    if match := _SQLITE_UNIQUE.search(said):
        table, *_ = match[1].partition(".")
        return constraints.duplicate_of_columns(table, [column.rpartition(".")[2] for column in match[1].split(",")])
    if match := _SQLITE_CHECK.search(said):
        return constraints.broken(match[1])
    if match := _SQLITE_NOT_NULL.search(said):
        return constraints.broken(None, match[1], match[2])
    if said == REFUSED:
        return ConstraintError("the database does not allow this session to write this row")
    if "FOREIGN KEY constraint failed" in said:
        return ConstraintError("a reference points at no row of this organization")
    if "readonly" in said:
        return UnavailableError(READ_ONLY, retryable=False)
    if "locked" in said or "busy" in said:
        return UnavailableError("the database is busy with another writer", retryable=True)
    if match := _SQLITE_FILE.search(said):
        return UnavailableError(f"the database file can't be used: {match[0]}", retryable=False)
    return _behind(said) if _SQLITE_UNDEFINED.search(said) else None
