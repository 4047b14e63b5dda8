"""The columns that the audit trail follows, by their info: ``audited``, ``secret``, ``personal``."""

import json
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import JSON, Boolean, Column, DateTime, Float, LargeBinary, Table, Uuid
from sqlalchemy.types import TypeDecorator

from ..model.tables import organization_column
from ..model.types import JSONOf, Money
from .replaceable import State

ENTRIES = "audit_entries"
HIDDEN = "'\"***\"'"  # stands for a value that is kept out
ORGANIZATION = "organization"  # the words of the column that holds it
_MARK = "-- audited "
_STATE = TypeAdapter(dict[str, str])

Keeping = Literal["", "secret", "personal"]


@dataclass(frozen=True)
class AuditedColumn:
    """A column. ``kind`` says how a value is written as JSON; ``keeping`` why ``before`` and ``after`` lack it."""

    name: str
    kind: str
    keeping: Keeping = ""


@dataclass(frozen=True)
class AuditedTable:
    """A table whose writes are recorded. ``organization`` is the column that holds the organization."""

    table: str
    state: State
    organization: str
    columns: tuple[AuditedColumn, ...]

    @classmethod
    def of(cls, table: str, state: State) -> Self:
        """The table that a state describes."""
        (organization,) = (name for name, words in state.items() if words == ORGANIZATION)
        return cls(
            table, state, organization, tuple(_column(*item) for item in state.items() if item[1] != ORGANIZATION)
        )

    @property
    def personal(self) -> list[AuditedColumn]:
        """The columns whose values stand apart."""
        return [column for column in self.columns if column.keeping == "personal"]

    @property
    def is_deletable(self) -> bool:
        """True if rows are deleted softly."""
        return any(column.name == "is_deleted" for column in self.columns)

    def comment(self) -> str:
        """The state as a line of SQL, from which ``state_in`` reads it again."""
        return f"{_MARK}{json.dumps(self.state)}"


def audited(table: Table) -> State:
    """The columns that are followed, as words: ``{"email": "text personal"}``; and the organization's.

    Empty where nothing is recorded: the table belongs to no organization, or was turned off.
    """
    column = organization_column(table)
    if column is None or not table.info.get("audited", True):
        return {}
    kept = [other for other in table.c if other.name not in {column.name, "id"} and other.info.get("audited", True)]
    kept.sort(key=lambda other: other.name)  # fields that change places leave the triggers as they are
    return {column.name: ORGANIZATION} | {
        other.name: f"{_kind(other.type)} {_keeping(other)}".rstrip() for other in kept
    }


def state_in(sql: str) -> State:
    """The state that a trigger's text declares; empty if it declares none."""
    for line in sql.splitlines():
        if line.strip().startswith(_MARK):
            try:
                state = _STATE.validate_json(line.strip().removeprefix(_MARK))
            except ValidationError:
                return {}
            return state if list(state.values()).count(ORGANIZATION) == 1 else {}
    return {}


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def json_key(name: str) -> str:
    """``"name":`` as an SQL literal."""
    return literal(json.dumps(name, ensure_ascii=False) + ":")


def _column(name: str, words: str) -> AuditedColumn:
    kind, _, last = words.rpartition(" ")
    keeping = last if kind and last in {"secret", "personal"} else ""
    return AuditedColumn(name, kind if keeping else words, cast(Keeping, keeping))


def _keeping(column: Column[Any]) -> Keeping:
    if column.info.get("secret"):
        return "secret"
    return "personal" if column.info.get("personal") else ""


def _kind(declared: Any) -> str:
    match declared:
        case Money(scale=scale):
            return f"decimal {scale}"
        case JSONOf(verbatim=verbatim):
            return "json" if verbatim else "jsonb"
        case TypeDecorator(impl_instance=impl):
            return _kind(impl)
        case JSON():
            return "json"
        case DateTime():
            return "time"
        case Boolean():
            return "bool"
        case Float():
            return "float"
        case Uuid():
            return "uuid"
        case LargeBinary():
            return "bytes"
        case _:
            return "text"
