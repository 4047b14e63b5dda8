"""Checks of indexes that are there and of no use."""

from collections.abc import Iterator

from sqlalchemy import Connection

from ..kit.schema.invalid_indexes import invalid_indexes
from .findings import Finding, error, warning


def check_indexes(connection: Connection) -> Iterator[Finding]:
    """An error for a unique one: rows may be stored twice."""
    for index in invalid_indexes(connection):
        finding = error if index.is_unique else warning
        yield finding(
            f"the index {index.name} of {index.table} is invalid: making it failed, or is under way; no query uses it",
            "run `domain db repair`",
        )
