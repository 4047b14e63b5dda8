"""Where a person is mentioned by design: who did something, why a system session was opened, the audit trail."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, String, Table, and_, func, or_, select, update
from sqlalchemy import cast as sql_cast

from ..models import PurgeRecord, SystemAccess, User
from ..models.tables import of_organization
from ..tenancy import SystemSession
from .batches import execute
from .schema import TRAIL

WHO = ("deleted_by",)  # in every table; a model marks others with info={"mentions": True}
PLACES: dict[str, tuple[str, ...]] = {
    str(SystemAccess.__tablename__): ("actor", "reason"),
    str(PurgeRecord.__tablename__): ("actor", "reason"),
    TRAIL: ("actor", "request_id", "before", "after", "personal"),
}


@dataclass(frozen=True)
class Person:
    """A user, by what they are recognised by: the address, and the name where it stands as words of its own."""

    organization_id: int
    user_id: int
    email: str
    full_name: str

    @property
    def pseudonym(self) -> str:
        """What stands in their place."""
        return f"erased-{self.user_id}"

    def may_be_in(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a column may mention them: ``without`` looks closer."""
        text = sql_cast(column, String)
        words = (self.email, self.full_name)
        # As it is, too: SQLite's lower() knows ASCII alone.
        return or_(
            *(text.contains(word, autoescape=True) for word in words),
            *(func.lower(text).contains(word.lower(), autoescape=True) for word in words),
        )

    def without(self, value: Any) -> Any:
        """The value with the pseudonym in their place; of JSON, in all of its texts."""
        if isinstance(value, str):
            words = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in (self.email, self.full_name))
            return re.sub(words, self.pseudonym, value, flags=re.IGNORECASE)
        if isinstance(value, list):
            return [self.without(item) for item in cast(Iterable[Any], value)]
        if isinstance(value, dict):
            return {key: self.without(item) for key, item in cast(dict[str, Any], value).items()}
        return value


def clear_mentions(system: SystemSession, tables: Iterable[Table], person: Person) -> None:
    """Take the person out of every such column; of tenant tables, in their own organization."""
    for table in tables:
        theirs = of_organization(table, person.organization_id)
        if table.name == TRAIL:
            about = and_(theirs, table.c.entity == User.__tablename__, table.c.row_id == person.user_id)
            execute(system, update(table).where(about, table.c.personal.is_not(None)).values(personal=None))
        if columns := list(_columns(table)):
            mentioned = or_(*(person.may_be_in(column) for column in columns))
            rows = system.connection().execute(select(*table.primary_key, *columns).where(theirs, mentioned)).mappings()
            for row in rows.all():
                changes = {c.key: new for c in columns if (new := person.without(row[c.key])) != row[c.key]}
                if changes:
                    this = and_(*(key == row[key.key] for key in table.primary_key))
                    execute(system, update(table).where(this).values(_fitted(table, changes)))


def _columns(table: Table) -> Iterator[Column[Any]]:
    for column in table.c:
        if column.key in (*WHO, *PLACES.get(table.name, ())) or column.info.get("mentions"):
            yield column


def _fitted(table: Table, changes: dict[str, Any]) -> dict[str, Any]:
    """Cut to the columns' lengths: a pseudonym may be longer than a name."""
    lengths = {name: getattr(table.c[name].type, "length", None) for name in changes}
    return {name: value[: lengths[name]] if lengths[name] else value for name, value in changes.items()}
