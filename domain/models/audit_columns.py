"""What of a table the audit trail follows, as its columns say: ``audited``, ``secret``, ``personal``."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table

from .tables import TENANT, is_tenant_table

ENTRIES = "audit_entries"
HIDDEN = '"***"'  # as JSON: stands for a value that is kept out


@dataclass(frozen=True)
class Audited:
    """A table whose writes are recorded. ``owner`` is the column that holds the organization."""

    name: str
    owner: str
    columns: tuple[Column[Any], ...]

    @property
    def personal(self) -> list[Column[Any]]:
        """The columns whose values stand apart."""
        return [column for column in self.columns if column.info.get("personal") and not is_secret(column)]

    @property
    def is_deletable(self) -> bool:
        """Whether rows are deleted softly."""
        return any(column.name == "is_deleted" for column in self.columns)


def audited(table: Table) -> Audited | None:
    """What is recorded of a table; None where nothing is: it belongs to no organization, or was turned off."""
    owner = TENANT if is_tenant_table(table) else table.info.get("scope_column")
    if owner is None or not table.info.get("audited", True):
        return None
    kept = [column for column in table.c if column.name not in {owner, "id"} and column.info.get("audited", True)]
    return Audited(table.name, owner, tuple(kept))


def is_secret(column: Column[Any]) -> bool:
    """Whether the column's values never stand in the trail."""
    return bool(column.info.get("secret"))


def is_hidden(column: Column[Any]) -> bool:
    """Whether ``before`` and ``after`` have the column's name alone."""
    return is_secret(column) or bool(column.info.get("personal"))


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def json_key(name: str) -> str:
    """``"name":`` as an SQL literal."""
    return literal(json.dumps(name, ensure_ascii=False) + ":")


def indented(lines: Iterable[str], by: int, separator: str) -> str:
    """One line for each, set in."""
    return f"{separator}\n".join(f"{' ' * by}{line}" for line in lines)


def both(columns: Iterable[Column[Any]]) -> Iterator[tuple[Column[Any], bool]]:
    """Each column, and whether its value is kept out of ``before`` and ``after``."""
    return ((column, is_hidden(column)) for column in columns)
