"""Database errors become ours at this one place, told apart by the constraint's name and the SQLSTATE."""

import re
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.engine import ExceptionContext

from ..errors import (
    ConflictError,
    ConstraintError,
    DomainError,
    DuplicateError,
    OutcomeUnknownError,
    UnavailableError,
)
from ..models.base import REGISTRY
from ..tenancy.organizations import refused

_RETRYABLE = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock timeout
_UNAVAILABLE = {"57014", "57P01", "57P02", "57P03", "53100", "53200", "53300", "53400", "25006"}  # 25006: a standby
LOST = "the connection to the database was lost"
FAILED = "an earlier statement of this transaction failed, so nothing of it can be committed; roll back"
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")
_SQLITE_CHECK = re.compile(r"CHECK constraint failed: (\w+)")
_SQLITE_UNIQUE_INDEX = re.compile(r"UNIQUE constraint failed: index '(.+)'")
_SQLITE_FILE = re.compile("unable to open|readonly|not a database|malformed|disk")
_SQLITE_NOT_NULL = re.compile(r"NOT NULL constraint failed: (\S+)")


def translated(context: ExceptionContext) -> DomainError | None:
    """Our error for the driver's, its cause kept; None leaves SQLAlchemy's."""
    error = context.original_exception
    if not isinstance(error, Exception):
        return None  # Ctrl-C, after which SQLAlchemy drops the connection
    if _is_unanswered_commit(context):
        return OutcomeUnknownError()
    if context.is_disconnect:
        return UnavailableError(LOST, retryable=True)
    if isinstance(error, ValidationError):
        reasons = "; ".join(line["msg"] for line in error.errors(include_input=False, include_url=False))
        return ConstraintError(f"a JSON value was changed in place to what its column refuses: {reasons}")
    if isinstance(error, ValueError):  # raised by a column type on its way to the database
        return ConstraintError(str(error))
    if isinstance(error, OverflowError):
        return ConstraintError("a number is too large for its column")
    dbapi = context.dialect.loaded_dbapi
    if not isinstance(error, dbapi.Error):
        return None
    if context.dialect.name == "postgresql":
        _keep_first_line(context, error)
        if isinstance(error, dbapi.errors.InFailedSqlTransaction):
            return ConflictError(FAILED)
        if error.pgcode is None and isinstance(error, dbapi.OperationalError):
            return UnavailableError("the database can't be reached", retryable=False)
        return _from_postgresql(error)
    return _from_sqlite(str(error))


def _keep_first_line(context: ExceptionContext, error: Any) -> None:
    """Cut off the lines (DETAIL, LINE 1: ...) that repeat values: a traceback shows the driver's error, too."""
    first: str | None = error.diag.message_primary
    for shown in (error, context.sqlalchemy_exception) if first else ():
        if shown is not None:
            shown.args = (first,)


def _is_unanswered_commit(context: ExceptionContext) -> bool:
    """Whether COMMIT was sent and PostgreSQL did not say what became of it."""
    connection = context.connection
    if connection is None or connection.invalidated:
        return False
    driver = connection.connection.dbapi_connection
    sent: bool = getattr(driver, "commit_sent", False)  # FoldingConnection's; SQLite always answers
    return sent and (context.is_disconnect or getattr(context.original_exception, "pgcode", None) is None)


def _from_postgresql(error: Any) -> DomainError | None:
    code: str = error.pgcode or ""
    name: str | None = error.diag.constraint_name
    if code == "23505":
        return _duplicate(name or "")
    if code.startswith("23"):
        return ConstraintError(_sentence(name, error.diag.column_name), constraint=name)
    if code in _RETRYABLE or code in _UNAVAILABLE:
        return UnavailableError(f"the database gave up ({code})", retryable=code in _RETRYABLE)
    if deleted := refused(error.diag.message_primary or ""):
        return deleted
    if code.startswith("22"):
        return ConstraintError(f"a value does not fit its column ({code})")
    if code == "42501":
        return ConstraintError("the database does not allow this login to write or read this row (42501)")
    return None


def _from_sqlite(message: str) -> DomainError | None:
    if match := _SQLITE_UNIQUE_INDEX.search(message):
        return _duplicate(match[1])
    if match := _SQLITE_UNIQUE.search(message):
        return _duplicate_of_columns([column.strip() for column in match[1].split(",")])
    if match := _SQLITE_CHECK.search(message):
        return ConstraintError(_sentence(match[1], None), constraint=match[1])
    if match := _SQLITE_NOT_NULL.search(message):
        return ConstraintError(f"{match[1]} must not be empty")
    if "FOREIGN KEY constraint failed" in message:
        return ConstraintError("a reference points at no row of this organization")
    if "locked" in message or "busy" in message:
        return UnavailableError("the database is busy with another writer", retryable=True)
    if match := _SQLITE_FILE.search(message):
        return UnavailableError(f"the database file can't be used: {match[0]}", retryable=False)
    return None


def _sentence(constraint: str | None, column: str | None) -> str:
    if constraint and constraint.startswith("fk_"):
        return f"a reference points at no row of this organization ({constraint})"
    if constraint:
        return f"a value breaks the rule {constraint}"
    return f"{column} must not be empty" if column else "the database refused a value"


def _duplicate(name: str) -> DuplicateError:
    for mapper in REGISTRY.mappers:
        for unique in _uniques(mapper.local_table):
            if unique.name == name:
                fields = unique.info.get("live_unique") or unique.columns.keys()
                return DuplicateError(mapper.class_.__name__, fields, constraint=name)
    return DuplicateError("a table", (name,), constraint=name)


def _duplicate_of_columns(columns: list[str]) -> DuplicateError:
    table = columns[0].partition(".")[0]
    keys = {column.rpartition(".")[2] for column in columns}
    mapper = next((mapper for mapper in REGISTRY.mappers if mapper.local_table.description == table), None)
    for unique in () if mapper is None else _uniques(mapper.local_table):
        if set(unique.columns.keys()) == keys:
            return _duplicate(str(unique.name))
    entity = table if mapper is None else mapper.class_.__name__
    return DuplicateError(entity, sorted(keys), constraint=", ".join(sorted(keys)))


def _uniques(table: Any) -> list[Index | UniqueConstraint | PrimaryKeyConstraint]:
    indexes = [index for index in table.indexes if index.unique]
    rules = [rule for rule in table.constraints if isinstance(rule, UniqueConstraint | PrimaryKeyConstraint)]
    return [*indexes, *rules]
