"""The process's default database: ``init_db`` once at the start, ``get_db`` everywhere."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Unpack

from .database import Database
from .errors import ConfigurationError
from .kit.database.arguments import Names, OrganizationId
from .kit.database.engines import PoolOptions
from .kit.session import TenantSession
from .limits import TimeLimits

_default: Database | None = None


class DatabaseOptions(PoolOptions, total=False):
    """The keywords of ``Database``."""

    system_database_url: str | None
    migration_database_url: str | None
    read_urls: Sequence[str] | None
    max_read_lag_seconds: float
    time_limits: TimeLimits | None
    system_time_limits: TimeLimits | None
    migration_time_limits: TimeLimits | None


def init_db(database_url: str | None = None, **options: Unpack[DatabaseOptions]) -> Database:
    """Make the process's default database; its keywords are those of ``Database``. The one before stays open.

    Raises:
        ConfigurationError: a URL is missing or wrong.
    """
    global _default
    _default = Database(database_url, **options)
    return _default


def get_db() -> Database:
    """The database that ``init_db`` made.

    Raises:
        ConfigurationError: ``init_db`` was not called.
    """
    if _default is None:
        raise ConfigurationError("no database yet: call init_db() once at start-up, then get_db()")
    return _default


@contextmanager
def get_db_session(
    *, organization_id: OrganizationId | None = None, **names: Unpack[Names]
) -> Generator[TenantSession]:
    """``get_db().get_session(...)``: commits on success, rolls back on error, closes."""
    with get_db().get_session(organization_id=organization_id, **names) as session:
        yield session
