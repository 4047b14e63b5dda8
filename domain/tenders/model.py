"""Tenders: calls for bids, as one organization follows them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Optional

from pydantic import StringConstraints
from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import OMITTED, Patch, Public, Stamped, TenantEntity
from ..kit.model.fields import Amount, Text, UtcDatetime, example, library_field, relation, tenant_key
from ..kit.model.searching import SEARCHED
from ..kit.model.tables import live_index, live_unique, rank_column
from ..kit.model.types import Money

if TYPE_CHECKING:
    from ..analyses.model import AnalysisResult
    from ..bids.model import BidDocument

_TENDER = f"{__name__}.Tender"


class TenderStatus(StrEnum):
    """How far the processing has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    FILTERED_OUT = "filtered_out"
    RATED_LOW = "rated_low"
    COMPLETE = "complete"
    ERROR = "error"


CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class TenderContent(DomainModel):
    """Fields that a client or an import may write: the request body."""

    title: Text = Field(min_length=1, max_length=500, schema_extra=example("Harbour bridge"))
    """The thing to be bought, in a line."""
    external_id: Text | None = Field(default=None, max_length=255, schema_extra=example("ocds-213czf-000-00001"))
    """The publisher's id; unique among the organization's live tenders."""
    source: Text | None = Field(default=None, max_length=100, schema_extra=example("ocds"))
    """The place it was found."""
    description: Text | None = Field(default=None, schema_extra=example("Two spans, 90 m, by 2028."))
    """The thing to be bought, in full."""
    organization_name: Text | None = Field(default=None, max_length=255, schema_extra=example("City of Bergen"))
    """The buyer."""
    deadline: UtcDatetime | None = Field(default=None, schema_extra=example("2027-03-01T12:00:00Z"))
    """When bids are due, in UTC."""
    estimated_value: Amount | None = Field(default=None, ge=0, schema_extra=example("1250000.00"), sa_type=Money(20, 4))
    """The buyer's estimate, in currency; exact to 4 decimals, rounded half-even."""
    currency: CurrencyCode | None = Field(default=None, min_length=3, max_length=3, schema_extra=example("EUR"))
    """ISO 4217 code; never without a value."""
    url: Text | None = Field(default=None, max_length=1000, schema_extra=example("https://example.org/notices/1"))
    """The address of the notice."""
    location: Text | None = Field(default=None, max_length=255, schema_extra=example("Bergen, Norway"))
    """The place of the work."""
    categories: list[Text] = Field(default_factory=list, schema_extra=example(["45221110"]))
    """Classification codes, such as CPV."""
    notice_status: Text | None = Field(default=None, max_length=50, schema_extra=example("active"))
    """The publisher's own word."""
    published_at: UtcDatetime | None = Field(default=None, schema_extra=example("2026-05-01T12:00:00Z"))
    """When it was published."""


class TenderProgress(DomainModel):
    """Fields that the processing writes, by ``update_status`` and ``claim``."""

    status: TenderStatus = Field(default=TenderStatus.PENDING, schema_extra=example("pending"))
    """How far the processing has come."""
    processing_time: float | None = Field(default=None, ge=0, schema_extra=example(12.5))
    """Seconds that the processing took."""
    error_message: Text | None = Field(default=None, schema_extra=example("The model timed out."))
    """Why the status is error."""


class TenderLease(DomainModel):
    """Fields that ``claim`` writes."""

    leased_until: UtcDatetime | None = library_field(
        audited=False, default=None, schema_extra=example("2026-05-01T12:05:00Z")
    )
    """Until when a worker has it; where that is past, the next one may take it."""
    attempts: int = library_field(
        audited=False,
        default=0,
        schema_extra=example(1),
        sa_column_kwargs={"server_default": text("0")},
    )
    """How often workers have claimed it since it was pending."""


class Tender(TenderProgress, TenderContent, TenderLease, TenantEntity, table=True):
    """A call for bids that an organization follows."""

    __tablename__ = "tenders"
    __table_args__: ClassVar[Any] = (
        live_unique("external_id"),
        live_index("created_at", "id"),
        live_index("status", "created_at", "id"),
        live_index("deadline", "id"),
        rank_column("estimated_value"),
        live_index("estimated_value_rank", "id"),
        # For claim, which finds what a worker has left; rows without a lease are not in it.
        Index(
            None,
            "organization_id",
            "leased_until",
            postgresql_where=text("leased_until IS NOT NULL"),
            sqlite_where=text("leased_until IS NOT NULL"),
        ),
        # An import must not bring back what was deleted.
        Index(
            "ix_tenders_deleted_external_id",
            "organization_id",
            "external_id",
            postgresql_where=text("is_deleted"),
            sqlite_where=text("is_deleted = 1"),
        ),
        CheckConstraint("currency IS NULL OR estimated_value IS NOT NULL", name="currency_needs_value"),
        CheckConstraint("trim(currency, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') = ''", name="currency_capitals"),
        {"info": {SEARCHED: ("title", "description", "organization_name", "location")}},
    )

    analysis: Optional["AnalysisResult"] = relation(_TENDER, "domain.analyses.model.AnalysisResult", "tender_id")
    bid: Optional["BidDocument"] = relation(_TENDER, "domain.bids.model.BidDocument", "tender_id")


class OfTender(DomainModel):
    """A row that belongs to a tender, and is deleted with it."""

    tender_id: int = tenant_key(target=Tender)
    """The tender that it belongs to."""


class TenderPatch(TenderContent, Patch[Tender]):
    """PATCH body."""

    title: Text = OMITTED


class TenderPublic(TenderContent, TenderProgress, Stamped, Public):
    """Response."""


TenderDB = Tender
