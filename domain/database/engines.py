"""Engines, configured alike wherever they are made."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from pydantic_core import from_json
from sqlalchemy import URL, Engine, create_engine

from . import postgresql, sqlite
from .translate import translate_errors


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """How many connections are kept and for how long (seconds)."""

    pool_size: int = 20
    max_overflow: int = 40
    pool_pre_ping: bool = True
    pool_recycle: int = 3600
    pool_timeout: float = 30.0
    echo: bool = False


def make_engine(url: URL, options: PoolOptions | None = None) -> Engine:
    """An engine whose errors are ours and whose logs and errors show no parameter."""
    keywords: dict[str, Any] = asdict(options or PoolOptions())
    keywords |= {"hide_parameters": True, "json_deserializer": parsed_json}
    pre_ping: bool = keywords.pop("pool_pre_ping")
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, **keywords)
        sqlite.configure(engine)
    else:
        engine = create_engine(
            url,
            connect_args={
                "connection_factory": postgresql.FoldingConnection,
                "cursor_factory": postgresql.FoldingCursor,
            },
            use_native_hstore=False,  # no column of ours: it would ask the server at every connect
            **keywords,
        )
        postgresql.configure(engine, pre_ping=pre_ping)
    translate_errors(engine)
    return engine


def parsed_json(text: str) -> object:
    """As the standard library parses it, several times faster; half a surrogate pair, escaped, it alone takes."""
    try:
        parsed: object = from_json(text)
    except ValueError:
        parsed = json.loads(text)
    return parsed
