"""Invoices: what an organization bills for a tender it won."""

from enum import StrEnum
from typing import Any, ClassVar

from sqlmodel import Field

from domain import (
    Amount,
    DomainModel,
    Money,
    TenantEntity,
    Tender,
    Text,
    UtcDatetime,
    json_list,
    live_index,
    live_unique,
    tenant_key,
    value_enum,
)


class InvoiceStatus(StrEnum):
    """How far the money has come."""

    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"


class InvoiceContent(DomainModel):
    """Fields that a client may write."""

    tender_id: int = tenant_key(Tender)
    number: Text = Field(min_length=1, max_length=40)
    """Unique among the organization's live invoices."""
    amount: Amount = Field(gt=0, le=1_000_000, sa_type=Money(20, 4))
    """In EUR."""
    items: list[Text] = Field(default_factory=list, sa_type=json_list(Text))
    """What was done."""
    status: InvoiceStatus = Field(default=InvoiceStatus.DRAFT, sa_type=value_enum(InvoiceStatus))
    due_at: UtcDatetime | None = None


class Invoice(InvoiceContent, TenantEntity, table=True):
    """A bill for work on a tender."""

    __tablename__ = "invoices"
    __table_args__: ClassVar[Any] = (live_unique("number"), live_index("status", "created_at", "id"))


metadata = DomainModel.metadata  # of the workshop's tables, and of those they refer to
