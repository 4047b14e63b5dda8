"""The system's own records: what purge removed, and every use of a system session."""

from typing import Any, ClassVar

from sqlmodel import Field

from ..model.entity import Entity
from ..model.fields import ACTOR, BigId, Text, UtcDatetime, example

_OF_THE_SYSTEM: Any = ({"info": {"of_the_system": True}},)


class PurgeRecord(Entity, table=True):
    """One batch, written in the transaction that removed its rows."""

    __tablename__ = "purge_records"
    __table_args__: ClassVar[Any] = _OF_THE_SYSTEM
    retention_days: ClassVar[int | None] = None

    actor: Text = Field(min_length=1, max_length=255, schema_extra=example("nightly-purge"), sa_column_kwargs=ACTOR)
    """The actor."""
    reason: Text = Field(min_length=1, max_length=1000, schema_extra=example("retention is over"))
    """Why."""
    # No foreign key, and not the name that scopes a table: the record outlives the organization.
    purged_organization_id: int | None = Field(default=None, schema_extra=example(7), sa_type=BigId)
    """The organization whose rows they were; none for tables that belong to no organization."""
    table_name: Text = Field(min_length=1, max_length=255, schema_extra=example("orders"))
    """The table."""
    row_count: int = Field(ge=1, schema_extra=example(1000))
    """How many rows."""
    deleted_before: UtcDatetime = Field(schema_extra=example("2026-05-01T12:00:00Z"))
    """They, or their organization, had been deleted before this."""


class SystemAccess(Entity, table=True):
    """Written, and committed, before the session is handed out."""

    __tablename__ = "system_access"
    __table_args__: ClassVar[Any] = _OF_THE_SYSTEM
    retention_days: ClassVar[int | None] = None

    actor: Text = Field(min_length=1, max_length=255, schema_extra=example("nightly-reset"), sa_column_kwargs=ACTOR)
    """The actor."""
    reason: Text = Field(min_length=1, max_length=1000, schema_extra=example("new month"))
    """Why."""
