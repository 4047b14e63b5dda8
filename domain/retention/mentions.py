"""Mentions of a person by design: an address, as the one who did something; and the trail of their row."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, String, Table, and_, cast, func, or_, select, update

from ..kit.model.tables import of_organization
from ..kit.session import SystemSession
from ..users.model import User
from .batches import execute
from .schema import TRAIL

USERS = User.__table__


@dataclass(frozen=True)
class Person:
    """A user, by every address that they have had and nobody else has now."""

    organization_id: int
    user_id: int
    addresses: frozenset[str]

    @property
    def pseudonym(self) -> str:
        """The text in their place."""
        return f"erased-{self.user_id}"

    def is_named_by(self, value: object) -> bool:
        """True if the value is an address of theirs, and nothing else."""
        return isinstance(value, str) and value.lower() in self.addresses

    def is_in(self, column: Column[Any]) -> ColumnElement[bool]:
        """The same of a column; as it is, too: SQLite's lower() knows ASCII alone."""
        return or_(column.in_(self.addresses), func.lower(column).in_(self.addresses))


def addresses_of(system: SystemSession, organization_id: int, user_id: int, former: Iterable[str]) -> frozenset[str]:
    """The user's addresses, the former and those of the trail; without what another live user is called by now."""
    this = and_(USERS.c.organization_id == organization_id, USERS.c.id == user_id)
    connection = system.connection()
    found = {address.strip().lower() for address in former} | set(connection.scalars(select(USERS.c.email).where(this)))
    for entry in connection.scalars(select(TRAIL.c.personal).where(_about(organization_id, user_id))):
        found |= {str(side["email"]) for side in entry.values() if side and side.get("email")}
    others = select(USERS.c.email).where(USERS.c.email.in_(found), ~USERS.c.is_deleted, ~this)
    return frozenset(address for address in found - set(connection.scalars(others)) if "@" in address)


def clear_mentions(system: SystemSession, tables: Iterable[Table], person: Person) -> None:
    """Take the person out of every column that says who did something; of tenant tables, in their own organization."""
    for table in tables:
        theirs = of_organization(table, person.organization_id)
        # The system's records are written once: no right reaches more of them than the actor.
        by_all = set[str]() if table.info.get("of_the_system") else {"deleted_by"}
        columns = [column for column in table.c if column.key in by_all or column.info.get("mentions")]
        for column in columns:
            # Cut to the column's length: a pseudonym may be longer than an address.
            name = person.pseudonym[: getattr(column.type, "length", None)]
            execute(system, update(table).where(theirs, person.is_in(column)).values({column.key: name}))
        if table is not TRAIL:
            _clear_entries(system, table, {c.name for c in columns if c.info.get("audited", True)}, person)
    execute(system, update(TRAIL).where(_about(person.organization_id, person.user_id)).values(personal=None))


def _about(organization_id: int, user_id: int) -> ColumnElement[bool]:
    of_user = and_(TRAIL.c.entity == USERS.name, TRAIL.c.row_id == user_id)
    return and_(of_organization(TRAIL, organization_id), of_user, TRAIL.c.personal.is_not(None))


def _clear_entries(system: SystemSession, table: Table, columns: set[str], person: Person) -> None:
    """Clear such columns in the trail."""
    if not columns or not person.addresses:
        return
    sides = (TRAIL.c.before, TRAIL.c.after)
    # What may name them, as JSON writes it; a closer look follows.
    texts = [func.lower(cast(side, String)) for side in sides]
    written = [json.dumps(address, ensure_ascii=False) for address in person.addresses]
    named = or_(*(text.contains(address, autoescape=True) for text in texts for address in written))
    of_table = and_(of_organization(TRAIL, person.organization_id), TRAIL.c.entity == table.name, named)
    for row in system.connection().execute(select(*TRAIL.primary_key, *sides).where(of_table)).mappings().all():
        new = {side.key: _without(person, row[side.key], columns) for side in sides}
        this = and_(*(key == row[key.key] for key in TRAIL.primary_key))
        execute(system, update(TRAIL).where(this).values(new))


def _without(person: Person, values: Mapping[str, Any] | None, columns: set[str]) -> dict[str, Any] | None:
    if values is None:
        return None
    named = {name for name in columns & values.keys() if person.is_named_by(values[name])}
    return {**values, **dict.fromkeys(named, person.pseudonym)}
