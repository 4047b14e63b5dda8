"""The message of a failure, on one line, and its exit code."""

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from ..errors import DomainError, UnavailableError
from ..kit.database.translate import first_line
from ..kit.repository.bulk_rows import reason_of

PROBLEMS, USAGE, UNAVAILABLE = 1, 2, 3
EXIT_CODES = """\
Exit codes

  0  done
  1  done, and there is something to look at: refused releases, differences,
     a schema that is behind
  2  not done: the usage or the configuration is wrong, or the work was refused
  3  not done: the database can't be reached or used, or is too busy"""
RUN_CODES = f"""\
{EXIT_CODES}
  130, 143  stopped by Ctrl-C or SIGTERM"""

EXPECTED = (DomainError, ValidationError, DBAPIError)


def explained(error: DomainError | ValidationError | DBAPIError) -> tuple[str, int]:
    """The reason in one line, and the exit code."""
    if isinstance(error, ValidationError):
        return first_line(reason_of(error)), USAGE
    if isinstance(error, DBAPIError):
        return f"the database refused: {first_line(error.orig)}", USAGE
    if isinstance(error, UnavailableError):
        cause = f" ({first_line(error.__cause__)})" if error.__cause__ else ""
        return f"{error}{cause}", UNAVAILABLE
    return first_line(error), USAGE
