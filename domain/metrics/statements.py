"""A statement as metrics and the log show it: its operation and table, and its text without values."""

import re
from typing import Any

from sqlalchemy.sql.visitors import iterate

from ..kit.session.reading_compiler import known_table

OPERATIONS: tuple[str, ...] = ("select", "insert", "update", "delete")
OTHER = "other"
_LITERAL = re.compile(r"['\"$\d]|--|/\*")  # SQLite takes "text" for a text; a comment may say anything


def operation_of(statement: Any, text: str) -> str:
    """One of ``OPERATIONS``, by the first word of a text that was written by hand, or ``OTHER``."""
    built = next((name for name in OPERATIONS if getattr(statement, f"is_{name}", False)), None)
    word, *_ = text.lower().split(maxsplit=1) or [OTHER]
    return built or (word if word in OPERATIONS else OTHER)


def table_of(statement: Any) -> str:
    """The first table that the statement names, where a model describes it: so there are no more names than tables."""
    for part in () if statement is None else iterate(statement):
        for named in (part, getattr(part, "table", None)):
            if (known := known_table(named)) is not None:
                return known.name
    return OTHER


def without_values(compiled: Any, text: str) -> str:
    """The statement as SQLAlchemy built it, with parameters in place of values.

    One with text that was written by hand ends before its first literal: it may hold any value.
    """
    built: str = getattr(compiled, "string", None) or text
    if getattr(compiled, "hidden", "text") is not None:
        end = _LITERAL.search(built)
        built = f"{built[: end.start()]}..." if end else built
    return " ".join(built.split())
