"""Engines, configured alike wherever they are made."""

import json
import logging
import re
from typing import Any, TypedDict, Unpack

from pydantic_core import from_json
from sqlalchemy import URL, Engine, create_engine, event

from ..limits import NO_LIMITS, TimeLimits
from ..tenancy import scope_engine
from . import postgresql, sqlite
from .forking import renew_in_children
from .parameters import check_parameters
from .sqlite_scope import EmbeddedConnection
from .translate import translated

_LOGGING_NAME = "domain"
# At DEBUG SQLAlchemy logs the rows, whatever ``hide_parameters`` says, and nothing else.
logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGING_NAME}").addFilter(lambda record: record.levelno > logging.DEBUG)
_SECRET_OPTION = re.compile("password|secret|_key$")  # of libpq's


class PoolOptions(TypedDict, total=False):
    """How many connections are kept and for how long (seconds), and the name under which the server shows them."""

    pool_size: int | None
    max_overflow: int | None
    pool_pre_ping: bool
    pool_recycle: int
    pool_timeout: float
    echo: bool
    application_name: str | None


def make_engine(
    url: URL, limits: TimeLimits = NO_LIMITS, /, *, scoped: bool = False, **options: Unpack[PoolOptions]
) -> Engine:
    """An engine whose errors are ours and whose logs, errors and ``repr`` show no parameter, row or password.

    ``scoped``: whether SQLite itself holds its connections to an organization, as row level security does a login.
    """
    keywords: dict[str, Any] = dict(options)
    name: str | None = keywords.pop("application_name", None)
    keywords |= {"hide_parameters": True, "logging_name": _LOGGING_NAME, "json_deserializer": parsed_json}
    pre_ping: bool = keywords.pop("pool_pre_ping", True)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"factory": EmbeddedConnection}, **keywords)
        sqlite.configure(engine, limits, scoped=scoped)
        scope_engine(engine)
    else:
        secrets = {name: value for name, value in url.query.items() if _SECRET_OPTION.search(name)}
        engine = create_engine(
            url.difference_update_query(secrets),  # whose password alone SQLAlchemy hides
            connect_args={
                **secrets,
                "connection_factory": postgresql.OneMessageConnection,
                "cursor_factory": postgresql.OneMessageCursor,
                **_application(url, name),
            },
            use_native_hstore=False,  # no column of ours: it would ask the server at every connect
            **keywords,
        )
        scope_engine(engine)
        postgresql.configure(engine, limits, pre_ping=pre_ping)
    check_parameters(engine)
    event.listen(engine, "handle_error", translated)
    renew_in_children(engine)
    return engine


def _application(url: URL, name: str | None) -> dict[str, str]:
    """The parameter that names the application: a name in the URL comes first, and PGAPPNAME before the default."""
    if name is None:
        return {"fallback_application_name": "domain"}
    return {} if "application_name" in url.query else {"application_name": name}


def parsed_json(text: str) -> object:
    """As the standard library parses it, several times faster; half a surrogate pair, escaped, it alone takes."""
    try:
        parsed: object = from_json(text)
    except ValueError:
        parsed = json.loads(text)
    return parsed
