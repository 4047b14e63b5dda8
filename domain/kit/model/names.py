"""Names in the database: PostgreSQL silently cuts those of more than 63 bytes, and two may become one."""

from hashlib import sha256
from typing import Any

from sqlalchemy import Constraint, Index, Table

LONGEST = 63  # bytes


def fitted(name: str) -> str:
    """The name, or if it is too long its beginning and a hash of all of it; the same on both databases."""
    if len(name.encode()) <= LONGEST:
        return name
    digest = sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}_{digest}"


class _Fitted(str):
    """A pattern whose names fit. SQLAlchemy's own cut counts characters, and its hash has only 16 bits."""

    __slots__ = ()

    def __mod__(self, values: Any) -> str:
        return fitted(super().__mod__(values))


def _index_prefix(index: Constraint | Index, _table: Table) -> str:
    return "ux" if "live_unique" in index.info else "ix"


NAMING: dict[str, Any] = {
    "prefix": _index_prefix,
    "ix": _Fitted("%(prefix)s_%(table_name)s_%(column_0_N_name)s"),
    "uq": _Fitted("uq_%(table_name)s_%(column_0_N_name)s"),
    "ck": _Fitted("ck_%(table_name)s_%(constraint_name)s"),
    "fk": _Fitted("fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s"),
    "pk": _Fitted("pk_%(table_name)s"),
}
