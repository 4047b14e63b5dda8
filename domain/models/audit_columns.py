"""What of a table the audit trail follows, as its columns say: ``audited``, ``secret``, ``personal``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, LargeBinary, Table, Uuid
from sqlalchemy.types import TypeDecorator

from .tables import owner_column
from .types import JSONOf, Money

ENTRIES = "audit_entries"
HIDDEN = "'\"***\"'"  # stands for a value that is kept out
_MARK = "-- audited "

Keeping = Literal["", "secret", "personal"]


@dataclass(frozen=True)
class Followed:
    """A column. ``kind`` says how a value is written as JSON; ``keeping`` why ``before`` and ``after`` lack it."""

    name: str
    kind: str
    keeping: Keeping = ""


@dataclass(frozen=True)
class Audited:
    """A table whose writes are recorded. ``owner`` is the column that holds the organization."""

    table: str
    owner: str
    columns: tuple[Followed, ...]

    @property
    def personal(self) -> list[Followed]:
        """The columns whose values stand apart."""
        return [column for column in self.columns if column.keeping == "personal"]

    @property
    def is_deletable(self) -> bool:
        """Whether rows are deleted softly."""
        return any(column.name == "is_deleted" for column in self.columns)

    def said(self) -> dict[str, str]:
        """The columns as words: ``{"email": "text personal"}``."""
        return {column.name: f"{column.kind} {column.keeping}".rstrip() for column in self.columns}

    def comment(self) -> str:
        """All of it as a line of SQL, from which ``found_in`` reads it again."""
        return f"{_MARK}{json.dumps([self.owner, self.said()])}"


def audited(table: Table) -> Audited | None:
    """What is recorded of a table; None where nothing is: it belongs to no organization, or was turned off."""
    owner = owner_column(table)
    if owner is None or not table.info.get("audited", True):
        return None
    kept = [column for column in table.c if column.name not in {owner, "id"} and column.info.get("audited", True)]
    return Audited(table.name, owner, tuple(Followed(c.name, _kind(c.type), _keeping(c)) for c in kept))


def as_said(table: str, owner: str, columns: Mapping[str, str]) -> Audited:
    """The opposite of ``said``."""
    followed: list[Followed] = []
    for name, words in columns.items():
        kind, _, last = words.rpartition(" ")
        keeping = last if kind and last in {"secret", "personal"} else ""
        followed.append(Followed(name, kind if keeping else words, cast(Keeping, keeping)))
    return Audited(table, owner, tuple(followed))


def found_in(table: str, sql: str) -> Audited | None:
    """What a trigger's text says that it follows; None where it does not say."""
    for line in sql.splitlines():
        if line.strip().startswith(_MARK):
            try:
                owner, columns = json.loads(line.strip().removeprefix(_MARK))
                return as_said(table, owner, columns)
            except (ValueError, TypeError, AttributeError):
                return None
    return None


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def json_key(name: str) -> str:
    """``"name":`` as an SQL literal."""
    return literal(json.dumps(name, ensure_ascii=False) + ":")


def indented(lines: Iterable[str], by: int, separator: str) -> str:
    """One line for each, set in."""
    return f"{separator}\n".join(f"{' ' * by}{line}" for line in lines)


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
