"""Hand-written INSERTs and UPDATEs: they may not set what the library manages (id, version, is_deleted, ...)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Table, Update

from ...errors import MisuseError
from ..model.managed import managed_columns, managed_reason
from ..private import annotations_of, conflict_of, keeps_the_order, many_values_of, selected_names_of, values_of

WRITES_TRAIL = "the audit trail is written by its own triggers alone"
APPEND_ONLY = "its rows are written once; add another one that corrects it"

_VERSION = "version"


def assigned(statement: Insert | Update) -> dict[str, Any]:
    """The values of VALUES or SET, by the columns' keys."""
    values: dict[Any, Any] = dict(values_of(statement) or {})
    return {key_of(column): value for column, value in values.items()}


def key_of(column: Any) -> str:
    """The key of a column that is named by itself or by its key."""
    return str(getattr(column, "key", column))


def refuse_managed_columns(
    statement: Insert | Update,
    table: Table,
    parameters: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None,
) -> None:
    """Raise MisuseError where the statement, or a row of its parameters, sets what the library manages."""
    managed = managed_columns(table, by_library=True)
    rows = [parameters or {}] if parameters is None or isinstance(parameters, Mapping) else parameters
    if isinstance(statement, Update) and rows is parameters:
        managed -= {column.key for column in table.primary_key}  # by which each row is found
    given = {name for name, value in _named(statement) if not _raises_version(statement.table, name, value)}
    for names in (given, *rows):
        if wrong := sorted(managed.intersection(names)):
            said = f"{table.name}: {', '.join(wrong)} can't be written by a statement"
            raise MisuseError(f"{said}: {managed_reason(wrong)}")


def raise_version(statement: Any, table: Table) -> Any:
    """The UPDATE, raising the version: else an object that was read before would be saved over it."""
    if "deletion_id" not in table.c or _VERSION in assigned(statement):
        return statement
    if keeps_the_order(statement):
        raise MisuseError("update().ordered_values() leaves the version as it is: use values()")
    named = annotations_of(statement.table).get("parententity")  # by the class, or an alias of it
    columns: Any = statement.table.c if named is None else named.entity
    return statement.values({_VERSION: getattr(columns, _VERSION) + 1})


def _named(statement: Insert | Update) -> Iterator[tuple[str, object]]:
    """The columns that a statement names, by key, with what it gives them."""
    yield from assigned(statement).items()
    if isinstance(statement, Insert):
        conflict: Any = conflict_of(statement)
        many = [row for rows in many_values_of(statement) for row in rows]
        upserted = dict(getattr(conflict, "update_values_to_set", None) or {})
        for values in (*many, dict.fromkeys(selected_names_of(statement) or ()), upserted):
            yield from ((key_of(column), value) for column, value in values.items())


def _raises_version(table: Any, name: str, value: Any) -> bool:
    """True for ``version = version + 1``, which is what every UPDATE does."""
    return name == _VERSION and hasattr(value, "compare") and bool(value.compare(table.c.version + 1))
