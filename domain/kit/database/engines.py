"""Engines, configured alike wherever they are made."""

import json
import logging
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, TypedDict, Unpack, cast

from pydantic_core import from_json
from sqlalchemy import URL, Engine, create_engine, event

from ...limits import NO_LIMITS, TimeLimits
from ..session import refuse_unstorable, scope_engine
from . import postgresql, sqlite
from .forking import ENGINES
from .one_message import OneMessageConnection, OneMessageCursor
from .sqlite_connection import ScopedConnection
from .translate import translated

_LOGGING_NAME = "domain"
# At DEBUG SQLAlchemy logs the rows, whatever ``hide_parameters`` says, and nothing else.
logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGING_NAME}").addFilter(lambda record: record.levelno > logging.DEBUG)
SECRET_OPTION = re.compile("password|secret|_key$")  # of libpq's


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

    ``scoped``: SQLite itself holds its connections to an organization, as row level security holds a login.
    """
    keywords: dict[str, Any] = dict(options)
    name: str | None = keywords.pop("application_name", None)
    keywords |= {"hide_parameters": True, "logging_name": _LOGGING_NAME, "json_deserializer": parsed_json}
    pre_ping: bool = keywords.pop("pool_pre_ping", True)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"factory": ScopedConnection}, **keywords)
        sqlite.configure(engine, limits, scoped=scoped)
        scope_engine(engine)
    else:
        secrets = {name: value for name, value in url.query.items() if SECRET_OPTION.search(name)}
        engine = create_engine(
            url.difference_update_query(secrets),  # SQLAlchemy hides its password only
            connect_args={
                **secrets,
                "connection_factory": OneMessageConnection,
                "cursor_factory": OneMessageCursor,
                **_application(url, name),
            },
            use_native_hstore=False,  # no column needs it, and it asks the server at every connect
            **keywords,
        )
        scope_engine(engine)
        postgresql.configure(engine, limits, pre_ping=pre_ping)
    # Events of the dialect: those of the engine slow down every connection.
    event.listen(engine, "do_execute", _check_parameters)
    event.listen(engine, "do_executemany", _check_rows)
    event.listen(engine, "handle_error", translated)
    ENGINES.add(engine)
    return engine


@contextmanager
def opened(url: URL) -> Generator[Engine]:
    """``make_engine``, closed at the end of the block."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _check_parameters(_cursor: object, _statement: str, parameters: Any, _context: object) -> None:
    """Raise ArgumentError for texts and integers that no column can hold, on both engines alike.

    Without this PostgreSQL would find nothing for a number beyond 64 bits, where SQLite fails, and SQLite nothing for
    a NUL, where PostgreSQL fails.
    """
    values = cast(dict[str, object], parameters).values() if isinstance(parameters, dict) else parameters or ()
    for value in values:
        refuse_unstorable(value)


def _check_rows(cursor: object, statement: str, rows: Iterable[Any], context: object) -> None:
    for row in rows:
        _check_parameters(cursor, statement, row, context)


def _application(url: URL, name: str | None) -> dict[str, str]:
    """The parameter that names the application: a name in the URL comes first, and PGAPPNAME before the default."""
    if name is None:
        return {"fallback_application_name": "domain"}
    return {} if "application_name" in url.query else {"application_name": name}


def parsed_json(text: str) -> object:
    """Parse several times faster than the standard library, which is left the escaped lone surrogates."""
    try:
        parsed: object = from_json(text)
    except ValueError:
        parsed = json.loads(text)
    return parsed
