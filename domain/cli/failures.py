"""What a failure says, on one line, and with which exit code."""

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from ..errors import DomainError, UnavailableError

PROBLEMS, USAGE, UNAVAILABLE = 1, 2, 3
EXIT_CODES = """\
Exit codes

  0  done
  1  done, and there is something to look at: refused releases, differences,
     a schema that is behind
  2  not done: the usage or the configuration is wrong, or the work was refused
  3  not done: the database can't be reached or used, or is too busy"""

EXPECTED = (DomainError, ValidationError, DBAPIError)

_UNDEFINED = {"3F000", "42P01", "42703"}  # schema, table, column
_UNDEFINED_SQLITE = ("no such table", "no such column", "has no column")


def explained(error: DomainError | ValidationError | DBAPIError) -> tuple[str, int]:
    """The reason in one line, and the exit code."""
    if isinstance(error, ValidationError):
        return _one_line("; ".join(_reason(line["loc"], line["msg"]) for line in error.errors())), USAGE
    if isinstance(error, DBAPIError):
        return _from_database(error), USAGE
    if isinstance(error, UnavailableError):
        cause = f" ({_one_line(str(error.__cause__))})" if error.__cause__ else ""
        return f"{error}{cause}", UNAVAILABLE
    return _one_line(str(error)), USAGE


def _reason(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(part) for part in location)}: {message}" if location else message


def _from_database(error: DBAPIError) -> str:
    said = str(error.orig)
    code: str | None = getattr(error.orig, "pgcode", None)
    if code in _UNDEFINED or any(phrase in said for phrase in _UNDEFINED_SQLITE):
        return f"the schema is missing or behind ({_one_line(said)}): run `domain db upgrade`"
    return f"the database refused: {_one_line(said)}"


def _one_line(text: str) -> str:
    # PostgreSQL's further lines (DETAIL, LINE 1: ...) may repeat values and statements.
    return text.strip().partition("\n")[0].strip()
