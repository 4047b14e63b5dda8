"""The process's default database: ``init_db`` once at the start, ``get_db`` everywhere."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

from ..errors import ConfigurationError
from ..tenancy import TenantSession
from .database import Database

P = ParamSpec("P")

_default: Database | None = None


def _as_default(make: Callable[P, Database]) -> Callable[P, Database]:
    @wraps(make, assigned=("__doc__",), updated=())
    def init_db(*args: P.args, **keywords: P.kwargs) -> Database:
        global _default
        _default = make(*args, **keywords)
        return _default

    return init_db


init_db = _as_default(Database)


def get_db() -> Database:
    """The database that ``init_db`` made.

    Raises:
        ConfigurationError: ``init_db`` was not called.
    """
    if _default is None:
        raise ConfigurationError("no database yet: call init_db() once at start-up, then get_db()")
    return _default


@contextmanager
def get_db_session(*, organization_id: int | None = None, actor: str | None = None) -> Generator[TenantSession]:
    """``get_db().get_session(...)``: commits on success, rolls back on error, closes."""
    with get_db().get_session(organization_id=organization_id, actor=actor) as session:
        yield session
