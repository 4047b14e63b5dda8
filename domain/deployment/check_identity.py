"""Whether two connections reach one database."""

import secrets
from pathlib import Path

from sqlalchemy import Connection, text

_TAKE = text("SELECT pg_try_advisory_xact_lock(:number)")


def same_database(mine: Connection, other: Connection) -> bool:
    """Whether a lock that the one takes stands in the other's way: that a copy, a standby and a pooler can't feign."""
    if (mine.dialect.name, other.dialect.name) == ("postgresql", "postgresql"):
        number = {"number": secrets.randbits(62)}
        mine.execute(_TAKE, number)
        return not other.scalar(_TAKE, number)
    return mine.dialect.name == other.dialect.name and _file(mine) == _file(other)


def _file(connection: Connection) -> Path:
    return Path(str(connection.engine.url.database)).resolve()
