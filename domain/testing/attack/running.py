"""Runs the attempts, and judges what came of each."""

import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from ...database import Database
from ...errors import DomainError
from ...kit.model import OwnedByOrganization
from ...kit.model.tables import ORGANIZATION_ID
from ...kit.session import SystemSession, TenantSession
from ...organizations.model import Organization
from .call import Call
from .discovery import references
from .outcome import is_disclosed_by_design, rendered, settled, shape
from .snapshot import Snapshot
from .world import World

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANGE = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|CREATE)\b")
_REFUSALS = (DomainError, SQLAlchemyError, ValidationError)


class _Outcome(NamedTuple):
    result: object
    shown: str
    faults: list[str]
    """The victim's rows that were loaded or changed."""


class Attempts:
    """Every call twice: before the victim has any data, to know the answer, and after."""

    def __init__(self, world: World, *, as_organization: bool) -> None:
        self._world = world
        self._as_organization = as_organization
        self._find = find_any_of(_distinctive(world))
        self._start: Snapshot = {}

    def make(self, calls: Collection[Call]) -> Iterator[tuple[Call, list[str]]]:
        """The calls, each with what is wrong with its answer and with the rows afterwards."""
        world = self._world
        try:
            world.plant_organization(world.attacker)
            world.plant_organization(world.victim)
            world.plant_rows(world.attacker)
            self._start = world.snapshots.take()
            expected = [shape(self._run(call).result) for call in calls]
            world.plant_rows(world.victim)
            self._start = world.snapshots.take()
            for call, answer in zip(calls, expected, strict=True):
                yield call, self._leaks(call, answer)
        finally:
            world.snapshots.restore(world.initial)

    def _leaks(self, call: Call, expected: object) -> list[str]:
        result, shown, faults = self._run(call)
        known = rendered(call.given).lower()
        found = [f"shows {value!r}" for value in sorted(set(self._find(shown.lower()))) if value not in known]
        found += faults
        if isinstance(result, Exception) and not isinstance(result, _REFUSALS):
            found.append(f"could not be called: {type(result).__name__}: {result}")
        if call.must_answer is not None and result != call.must_answer:
            found.append(f"answers {shape(result)}, not {call.must_answer}")
        if not found and shape(result) != expected and not is_disclosed_by_design(result):
            again = shape(self._run(call).result)
            if again == shape(result) or isinstance(result, Exception):  # otherwise no two answers are the same
                found.append(f"answers {shape(result)}, and {expected} while the other organization has no data")
        return found

    def _run(self, call: Call) -> _Outcome:
        faults: list[str] = []
        with _changes(self._world.database) as changes:
            try:
                with self._session(call) as session:
                    result = settled(call.act(session))
                    shown = rendered(result)
                    if not call.brings_objects:
                        loaded = filter(self._is_foreign, session.identity_map.values())
                        faults += [f"loads {type(entity).__name__}" for entity in loaded]
            except Exception as error:  # whatever it is, the attacker sees it
                result, shown = error, rendered(error)
        if changes:
            faults += self._put_back()
        return _Outcome(result, shown, faults)

    @contextmanager
    def _session(self, call: Call) -> Generator[TenantSession]:
        database, attacker = self._world.database, self._world.attacker.organization_id
        if not self._as_organization:
            own = attacker if call.is_bound else None
            with database.get_session(organization_id=own, unguarded_sql=call.unguarded_sql) as session:
                yield session
            return
        with SystemSession(database.system_engine or database.engine, actor="attack") as system:
            with system.as_organization(attacker) as session:
                session.unguarded_sql = call.unguarded_sql
                yield session
            system.commit()

    def _is_foreign(self, entity: object) -> bool:
        column = ORGANIZATION_ID if isinstance(entity, OwnedByOrganization) else "id"
        is_owned = isinstance(entity, OwnedByOrganization | Organization)
        return is_owned and vars(entity).get(column) == self._world.victim.organization_id

    def _put_back(self) -> Iterator[str]:
        """Undo what the attempt changed; what of it was the victim's, or points there."""
        world, current = self._world, self._world.snapshots.take()
        if current == self._start:
            return
        for name, rows in current.items():
            before, after = (_owned(r, world.victim.organization_id) for r in (self._start[name], rows))
            if before != after:
                yield f"changes {name} of the other organization"
        for model in world.models:
            rows = _owned(current[model.__table__.name], world.attacker.organization_id)
            for column, parent in references(model).items():
                foreign = {side[parent].id for side in (world.victim.live, world.victim.deleted) if parent in side}
                if any(row[column] in foreign for row in rows.values()):
                    yield f"{model.__table__.name}.{column} points at the other organization's row"
        world.snapshots.restore(self._start)


def _owned(rows: Mapping[Any, dict[str, Any]], organization_id: int) -> dict[Any, dict[str, Any]]:
    return {key: row for key, row in rows.items() if row.get(ORGANIZATION_ID, row.get("id")) == organization_id}


def _distinctive(world: World) -> Collection[str]:
    """The victim's ids, and every text and number of its rows that is like no other."""
    found: set[str] = set()
    for row in world.victim.rows():
        found.add(str(row.id))
        for value in row.marks.values():
            found.update(text.lower() for text in rendered(value).replace("=", " ").split() if len(text) > 3)
    return found


def find_any_of(values: Collection[str]) -> Callable[[str], list[str]]:
    """A function that finds each of the values in a text."""
    # A number is no part of a longer one, nor of a UUID; of two that begin alike, the longer one counts.
    alternatives = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\d)({alternatives})(?!\d)|{_UUID}")
    return lambda shown: [value for value in pattern.findall(shown) if value]


@contextmanager
def _changes(database: Database) -> Generator[list[str]]:
    """The statements of the block that may have changed something."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if _CHANGE.search(statement):
            sent.append(statement)

    engines = {database.engine, database.system_engine or database.engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
