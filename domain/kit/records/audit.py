"""The audit trail: an entry for every row of an organization that was written, whatever wrote it.

The database's own triggers write it (see ``audit_trail``), so that bulk statements and hand-written SQL can't go
round it. Nothing in this package changes an entry, except the erasure of a person.
"""

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import JsonValue
from sqlalchemy import Index
from sqlmodel import Field

from ..model.base import DomainModel
from ..model.clock import DatabaseTime
from ..model.entity import Identified, OwnedByOrganization, Public
from ..model.fields import ACTOR, BigId, Text, UtcDatetime, example, utcnow
from ..model.types import json_dict


class AuditAction(StrEnum):
    """The change to a row."""

    INSERT = "insert"
    UPDATE = "update"
    SOFT_DELETE = "soft_delete"
    RESTORE = "restore"
    PURGE = "purge"


class AuditRecord(DomainModel):
    """Time, actor, request and change."""

    recorded_at: UtcDatetime = Field(
        default_factory=utcnow,
        schema_extra=example("2026-05-01T12:00:00Z"),
        sa_column_kwargs={"server_default": DatabaseTime()},
    )
    """When: the start of the statement."""
    actor: Text | None = Field(default=None, max_length=255, schema_extra=example("user:12"), sa_column_kwargs=ACTOR)
    """The actor that the session was told; null for a write past the sessions."""
    request_id: Text | None = Field(default=None, max_length=255, schema_extra=example("req-4f1c"))
    """The request that wrote."""
    entity: Text = Field(max_length=63, schema_extra=example("orders"))
    """The row's table."""
    row_id: int = Field(schema_extra=example(42), sa_type=BigId)
    """The row's id."""
    action: AuditAction = Field(schema_extra=example("update"))
    """The kind of change."""
    before: dict[str, JsonValue] | None = Field(
        default=None,
        schema_extra=example({"status": "pending"}),
        sa_type=json_dict(JsonValue, verbatim=True),
    )
    """Columns that changed, as they were; null where the row was made or removed. Secret and personal ones by name."""
    after: dict[str, JsonValue] | None = Field(
        default=None,
        schema_extra=example({"status": "complete"}),
        sa_type=json_dict(JsonValue, verbatim=True),
    )
    """The same columns as they are now."""
    personal: dict[str, JsonValue] | None = Field(
        default=None,
        schema_extra=example({"before": {"full_name": "Ann"}, "after": {"full_name": "Ann Example"}}),
        sa_type=json_dict(JsonValue, verbatim=True),
    )
    """Before and after of the personal columns that changed; null once the person is erased."""


class AuditEntry(AuditRecord, Identified, OwnedByOrganization, table=True):
    """One row, written once. It refers to nothing, and so outlives what it is about."""

    __tablename__ = "audit_entries"
    __table_args__: ClassVar[Any] = (
        Index(None, "organization_id", "entity", "row_id"),
        {"info": {"written_by_triggers": True}},
    )
    __audited__: ClassVar[bool] = False

    organization_id: int = Field(default=None, schema_extra=example(7), primary_key=True, sa_type=BigId)
    """The organization that the row belongs to, or is."""


class AuditEntryPublic(AuditRecord, Identified, Public):
    """Response."""
