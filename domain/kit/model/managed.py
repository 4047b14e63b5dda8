"""Columns that no client fills in (``fields.managed_field``), or none but the library (``fields.library_field``)."""

from collections.abc import Iterable, Set
from functools import lru_cache

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from sqlalchemy import Table

MANAGED = "set by the database or the library; leave it out"
_LOADED = "domain.transfer loads rows that keep theirs"
_DELETION = "a repository's soft_delete, soft_delete_where and restore write it"
_REMEDIES = {
    "id": _LOADED,
    "created_at": _LOADED,
    "updated_at": _LOADED,
    "organization_id": "a row stays in its organization; domain.transfer loads a copy into another",
    "version": "every write raises it, and update(..., expected_version=...) compares it",
    "is_deleted": _DELETION,
    "deleted_at": _DELETION,
    "deletion_id": _DELETION,
    "deleted_by": _DELETION,
}


def managed_reason(names: Iterable[str]) -> str:
    """Why these columns are not to be written, and what to call instead."""
    remedies = dict.fromkeys(_REMEDIES[name] for name in names if name in _REMEDIES)
    return f"{MANAGED} ({'; '.join(remedies)})" if remedies else MANAGED


def managed_fields(model: type[object], *, by_library: bool = False) -> frozenset[str]:
    """The managed columns of a table class, or only those that the library fills in; other classes have none."""
    table: Table | None = getattr(model, "__table__", None)
    return frozenset() if table is None else managed_columns(table, by_library=by_library, mapped=True)


@lru_cache(maxsize=4096)
def managed_columns(table: Table, *, by_library: bool = False, mapped: bool = False) -> frozenset[str]:
    """The same by the table; ``mapped``: those that the class has."""
    mark = "by_library" if by_library else "managed"
    columns = [column for column in table.c if not (mapped and column.info.get("unmapped"))]
    return frozenset(column.key for column in columns if column.info.get(mark) or column.computed is not None)


def refuse_managed(model: type[BaseModel], given: Set[str]) -> None:
    """Raise pydantic's ValidationError where managed fields are among those that were given."""
    if names := sorted(managed_fields(model) & given):
        reason = PydanticCustomError("managed_field", MANAGED)  # a client's to read: it says no method
        lines = [InitErrorDetails(type=reason, loc=(name,), input="hidden") for name in names]
        raise ValidationError.from_exception_data(model.__name__, lines, hide_input=True)
