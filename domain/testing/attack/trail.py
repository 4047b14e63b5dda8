"""The audit trail of the other organization: read by its repository, by hand, and written."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlmodel import col

from ...kit.model.tables import ORGANIZATION_ID
from ...kit.records import AuditAction, AuditEntry
from ...kit.repository import AuditRepository
from .call import Act, Call, executing
from .handwritten import with_unguarded
from .world import World


def trail_calls(world: World) -> Iterator[Call]:
    """Every answer is how much it brought of the victim's: nothing, whatever the attacker's own trail holds."""
    victim = world.victim.organization_id

    def theirs(entries: Any) -> int:
        return [entry.organization_id for entry in entries].count(victim)

    def paging(arguments: dict[str, Any]) -> Act:
        return lambda session: theirs(AuditRepository(session).page(**arguments).items)

    row: dict[str, Any] = {"entity": "organizations", "row_id": victim}
    page = "AuditRepository.page"
    yield Call(page, "listing", paging({}), must_answer=0)
    yield Call(page, "foreign id", paging(row), [victim], must_answer=0)
    yield Call(page, "foreign value", paging({"action": AuditAction.INSERT, **row}), [victim], must_answer=0)
    yield Call(page, "foreign organization", paging({"org_id": victim}), [victim])
    is_theirs = col(AuditEntry.organization_id) == victim
    counted = select(func.count()).select_from(AuditEntry).where(is_theirs)
    reads: dict[str, Act] = {
        "select": lambda s: theirs(s.execute(select(AuditEntry)).scalars()),
        "select by organization": lambda s: theirs(s.execute(select(AuditEntry).where(is_theirs)).scalars()),
        "count": lambda s: s.execute(counted).scalar_one(),
    }
    for name, act in reads.items():
        yield Call(f"AuditEntry: {name}", "ORM read", act, [victim], must_answer=0)
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
        yield from with_unguarded(world, Call(f"AuditEntry: {name}", "ORM write", executing(statement), [victim]))
