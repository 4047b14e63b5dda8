"""The ledger of what models were paid for, and reservations of a month's budget."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.clock import DatabaseTime
from ..kit.model.entity import Identified, OwnedByOrganization, Public, TenantEntity
from ..kit.model.fields import ACTOR, BigId, Cost, Text, UtcDatetime, example, utcnow
from ..kit.model.tables import live_index
from ..kit.model.types import Money


class CostContent(DomainModel):
    """Fields that a caller gives."""

    purpose: Text = Field(min_length=1, max_length=50, schema_extra=example("analysis"))
    """analysis, bid, or a word of your own."""
    cost_usd: Cost = Field(ge=0, schema_extra=example("0.042500"), sa_type=Money(14, 6))
    """USD, exact to 6 decimals."""
    entity: Text | None = Field(default=None, max_length=63, schema_extra=example("analysis_results"))
    """The row's table."""
    row_id: int | None = Field(default=None, schema_extra=example(42), sa_type=BigId)
    """The row's id."""
    llm_model: Text | None = Field(default=None, max_length=100, schema_extra=example("large-2"))
    """The model that was asked."""
    input_tokens: int | None = Field(default=None, ge=0, schema_extra=example(5200), sa_type=BigId)
    """Tokens sent to the model."""
    output_tokens: int | None = Field(default=None, ge=0, schema_extra=example(840), sa_type=BigId)
    """Tokens that it answered."""


class CostStamp(DomainModel):
    """Time and actor of a cost."""

    occurred_at: UtcDatetime = Field(
        default_factory=utcnow,
        schema_extra=example("2026-05-01T12:00:00Z"),
        sa_column_kwargs={"server_default": DatabaseTime()},
    )
    """When; its UTC month is the one that is billed."""
    actor: Text | None = Field(default=None, max_length=255, schema_extra=example("worker:3"), sa_column_kwargs=ACTOR)
    """The session's actor."""


class CostEntry(CostContent, CostStamp, Identified, OwnedByOrganization, table=True):
    """One cost, written once. It refers to nothing, and so outlives the row that it is about."""

    __tablename__ = "cost_entries"
    __table_args__: ClassVar[Any] = (Index(None, "organization_id", "occurred_at"), {"info": {"append_only": True}})
    __audited__: ClassVar[bool] = False  # it is a trail itself


class CostEntryPublic(CostContent, CostStamp, Identified, Public):
    """Response."""


class CostReservation(TenantEntity, table=True):
    """An amount of the month's budget that a worker is about to spend; deleted when it is settled or released."""

    __tablename__ = "cost_reservations"
    __table_args__: ClassVar[Any] = (live_index("lapses_at"),)
    __audited__: ClassVar[bool] = False
    retention_days: ClassVar[int | None] = 1

    cost_usd: Cost = Field(gt=0, schema_extra=example("0.500000"), sa_type=Money(14, 6))
    """USD, exact to 6 decimals."""
    lapses_at: UtcDatetime = Field(schema_extra=example("2026-05-01T12:15:00Z"))
    """From when on it no longer counts: its worker is taken for dead."""
