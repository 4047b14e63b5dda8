"""Types of AuditRepository, for every checker; nothing here runs."""

from typing import assert_type

from pydantic import JsonValue

from domain import AuditAction, AuditEntry, AuditEntryPublic, AuditRepository, Page, TenantSession, Tender


def reads(session: TenantSession) -> None:
    trail = AuditRepository(session)
    assert_type(trail.page(), Page[AuditEntry])
    page = trail.page(entity=Tender, row_id=1, actor="ann", action=AuditAction.UPDATE, limit=5, org_id=7)
    entry = page.items[0]
    assert_type(entry.action, AuditAction)
    assert_type(entry.before, dict[str, JsonValue] | None)
    assert_type(entry.row_id, int)
    assert_type(AuditEntryPublic.model_validate(entry, from_attributes=True), AuditEntryPublic)
