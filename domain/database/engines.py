"""Engines, configured alike wherever they are made."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

from ..tenancy import send_settings
from . import sqlite
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
    keywords: dict[str, Any] = vars(options or PoolOptions())
    engine = create_engine(url, hide_parameters=True, **keywords)
    if engine.dialect.name == "sqlite":
        sqlite.configure(engine)
    else:
        send_settings(engine)
        event.listen(engine, "connect", _speak_utc)
    translate_errors(engine)
    return engine


def _speak_utc(connection: Any, _record: object) -> None:
    # The driver can't read a last day of the year 9999 that the server writes in a zone east of UTC.
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()
