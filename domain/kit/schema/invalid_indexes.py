"""Indexes of PostgreSQL that were left half made: writes keep them up, and no query uses them."""

from typing import NamedTuple

from sqlalchemy import Connection, text

_INVALID = text(
    "SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, i.indisunique, c.relname ~ '_cc(new|old)[0-9]*$'"
    " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.relkind = 'i'"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY 4 DESC, 1"
)


class InvalidIndex(NamedTuple):
    """``is_left_over``: of a REINDEX CONCURRENTLY, beside the index itself. Names are quoted where they need it."""

    name: str
    table: str
    is_unique: bool
    is_left_over: bool


def invalid_indexes(connection: Connection) -> list[InvalidIndex]:
    """Those of the current schema, one that is being made right now among them."""
    return [InvalidIndex(*row) for row in connection.execute(_INVALID)]
