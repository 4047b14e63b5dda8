"""What a hand-written INSERT or UPDATE may set: not what the library manages."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Insert, Table, Update

from ..errors import ArgumentError
from ..private import annotations_of, keeps_the_order, values_of

WRITES_TRAIL = "the audit trail is written by its own triggers alone"

_VERSION = "version"
_INSTEAD = {"id": "the database gives it", _VERSION: "every update raises it", "is_deleted": "call soft_delete(id)"}


def assigned(statement: Insert | Update) -> dict[str, Any]:
    """What a statement's VALUES or SET gives each column."""
    values: dict[Any, Any] = dict(values_of(statement) or {})
    return {key_of(column): value for column, value in values.items()}


def key_of(column: Any) -> str:
    """The key of a column that is named by itself or by its key."""
    return str(getattr(column, "key", column))


def refuse_names(table: Table, names: Iterable[str]) -> None:
    """Raise ArgumentError for columns that are the library's to write."""
    for name in sorted(names):
        if name in table.c and "managed" in table.c[name].info:
            instead = _INSTEAD.get(name, "the repositories' methods do it")
            raise ArgumentError(f"{table.name}.{name} is written by the library alone: {instead}")


def raise_version(statement: Any, table: Table) -> Any:
    """The UPDATE with the version raised, or an object that was read before would be saved over it."""
    if "deletion_id" not in table.c or _VERSION in assigned(statement):
        return statement
    if keeps_the_order(statement):
        raise ArgumentError("update().ordered_values() leaves the version as it is: use values()")
    named = annotations_of(statement.table).get("parententity")  # by the class, or an alias of it
    columns: Any = statement.table.c if named is None else named.entity
    return statement.values({_VERSION: getattr(columns, _VERSION) + 1})
