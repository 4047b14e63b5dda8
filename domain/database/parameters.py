"""Values that no column can hold are refused before they are sent, on both engines alike.

By itself PostgreSQL would find nothing for a number beyond 64 bits, and SQLite nothing for a NUL, where the other one
fails.
"""

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import Engine, event

from ..tenancy import refuse_unstorable


def check_parameters(engine: Engine) -> None:
    """Have statements raise ArgumentError for texts and integers that can't be stored."""
    # Events of the dialect: one of the engine costs every connection.
    event.listen(engine, "do_execute", _check)
    event.listen(engine, "do_executemany", _check_many)


def _check(_cursor: object, _statement: str, parameters: Any, _context: object) -> None:
    values = cast(dict[str, object], parameters).values() if isinstance(parameters, dict) else parameters or ()
    for value in values:
        refuse_unstorable(value)


def _check_many(cursor: object, statement: str, rows: Iterable[Any], context: object) -> None:
    for row in rows:
        _check(cursor, statement, row, context)
