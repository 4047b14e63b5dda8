"""Bid documents: the drafts; one live per tender."""

from typing import Any, ClassVar

from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import OMITTED, Patch, Public, Stamped, TenantEntity
from ..kit.model.fields import Cost, Text, example
from ..kit.model.tables import live_index, live_unique
from ..kit.model.types import Money
from ..tenders.model import OfTender


class BidContent(DomainModel):
    """Fields that a client may write."""

    executive_summary: Text = Field(min_length=1, schema_extra=example("We build the bridge in 18 months."))
    """The bid in a page."""
    capabilities: Text = Field(min_length=1, schema_extra=example("Forty steel bridges since 1990."))
    """Abilities of the bidder."""
    approach: Text = Field(min_length=1, schema_extra=example("Prefabricated spans, by barge."))
    """How the work is done."""
    value_proposition: Text = Field(min_length=1, schema_extra=example("Shortest closure of the fairway."))
    """Why this bidder."""
    additional_sections: dict[Text, Text] = Field(
        default_factory=dict, schema_extra=example({"Safety": "No accident in ten years."})
    )
    """Further sections, heading to text."""


class BidCost(DomainModel):
    """Model and cost."""

    llm_model: Text | None = Field(default=None, max_length=100, schema_extra=example("large-2"))
    """The model that wrote it."""
    generation_cost: Cost | None = Field(default=None, ge=0, schema_extra=example("0.310000"), sa_type=Money(14, 6))
    """USD, exact to 6 decimals."""


class BidDocumentContent(BidCost, BidContent, OfTender):
    """Fields that a worker writes."""


class BidDocument(BidDocumentContent, TenantEntity, table=True):
    """A draft bid for a tender."""

    __tablename__ = "bid_documents"
    __table_args__: ClassVar[Any] = (live_unique("tender_id"), live_index("created_at", "id"))


class BidPatch(BidContent, Patch[BidDocument]):
    """PATCH body."""

    executive_summary: Text = OMITTED
    capabilities: Text = OMITTED
    approach: Text = OMITTED
    value_proposition: Text = OMITTED


class BidPublic(BidDocumentContent, Stamped, Public):
    """Response."""
