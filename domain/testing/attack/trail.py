"""The audit trail of the other organization: read by its repository, by hand, and written."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlmodel import col

from ...kit.model.tables import ORGANIZATION_ID
from ...kit.records import AuditAction, AuditEntry
from ...kit.repository import AuditRepository
from ...kit.session import TenantSession
from .call import ORM, Call
from .raw import POLICIES
from .world import World


def trail_calls(world: World) -> Iterator[Call]:
    """Every answer is what it brought of the victim's: none, whatever the attacker's own trail holds."""
    victim = world.victim.organization_id
    row: dict[str, Any] = {"entity": "organizations", "row_id": victim}
    for attack, given in {
        "listing": {},
        "foreign id": row,
        "foreign organization": {"org_id": victim},
        "foreign value": {"action": AuditAction.INSERT, **row},
    }.items():
        call = Call("AuditRepository.page", attack, _paging(given, victim), _handing(given))
        yield call if attack == "foreign organization" else replace(call, must_answer=0)
    selects: dict[str, Any] = {
        "select": select(AuditEntry),
        "select by organization": select(AuditEntry).where(col(AuditEntry.organization_id) == victim),
        "count": select(func.count()).select_from(AuditEntry).where(col(AuditEntry.organization_id) == victim),
    }
    for name, statement in selects.items():
        reading = _reading(statement, victim)
        yield Call(f"AuditEntry: {name}", "ORM read", reading, lambda: [victim], ORM, must_answer=0)
    entry = {ORGANIZATION_ID: victim, "entity": "tenders", "row_id": 1, "action": AuditAction.PURGE}
    writes: dict[str, Any] = {
        "insert": insert(AuditEntry).values(**entry),
        "update": update(AuditEntry).values(actor="somebody else"),
        "delete": delete(AuditEntry),
        "text insert": text(
            f"INSERT INTO audit_entries (organization_id, entity, row_id, action) VALUES ({victim}, 'x', 1, 'purge')"  # noqa: S608  # a number of ours
        ),
    }
    for name, statement in writes.items():
        call = Call(f"AuditEntry: {name}", "ORM write", _executing(statement), lambda: [victim], ORM)
        yield call
        if not world.database.is_sqlite:
            yield replace(call, stopped_by=POLICIES, attack="unguarded_sql", unguarded_sql=True)


def _paging(given: dict[str, Any], victim: int) -> Callable[[TenantSession, list[Any]], object]:
    return lambda session, _given: _foreign(AuditRepository(session).page(**given).items, victim)


def _reading(statement: Any, victim: int) -> Callable[[TenantSession, list[Any]], object]:
    def act(session: Any, _given: list[Any]) -> object:
        found: list[Any] = session.execute(statement).scalars().all()
        return _foreign(found, victim) if found and not isinstance(found[0], int) else next(iter(found), 0)

    return act


def _foreign(entries: list[Any], victim: int) -> int:
    owners: list[int] = [vars(entry)[ORGANIZATION_ID] for entry in entries]
    return owners.count(victim)


def _executing(statement: Any) -> Callable[[TenantSession, list[Any]], object]:
    def act(session: Any, _given: list[Any]) -> None:
        session.execute(statement)

    return act


def _handing(given: dict[str, Any]) -> Callable[[], list[Any]]:
    return lambda: list(given.values())
