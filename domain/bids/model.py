"""Bid documents: the drafts; one live per tender."""

from typing import Any, ClassVar

from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import OMITTED, Patch, Public, Stamped, TenantEntity
from ..kit.model.fields import Cost, Text, example, tenant_key
from ..kit.model.tables import live_index, live_unique
from ..kit.model.types import Money, json_dict
from ..tenders.model import Tender


class BidContent(DomainModel):
    """Fields that a client may write."""

    executive_summary: Text = Field(
        min_length=1,
        description="The bid in a page.",
        schema_extra=example("We build the bridge in 18 months."),
    )
    capabilities: Text = Field(
        min_length=1,
        description="What the bidder can do.",
        schema_extra=example("Forty steel bridges since 1990."),
    )
    approach: Text = Field(
        min_length=1,
        description="How the work is done.",
        schema_extra=example("Prefabricated spans, by barge."),
    )
    value_proposition: Text = Field(
        min_length=1, description="Why this bidder.", schema_extra=example("Shortest closure of the fairway.")
    )
    additional_sections: dict[Text, Text] = Field(
        default_factory=dict,
        description="Further sections, heading to text.",
        schema_extra=example({"Safety": "No accident in ten years."}),
        sa_type=json_dict(Text),
    )


class BidCost(DomainModel):
    """Model and cost."""

    llm_model: Text | None = Field(
        default=None, max_length=100, description="The model that wrote it.", schema_extra=example("large-2")
    )
    generation_cost: Cost | None = Field(
        default=None,
        ge=0,
        description="USD, exact to 6 decimals.",
        schema_extra=example("0.310000"),
        sa_type=Money(14, 6),
    )


class BidDocumentContent(BidContent, BidCost):
    """Fields that a worker writes."""

    tender_id: int = tenant_key(target=Tender)


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
