"""Types of an application's own models and repositories, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar, assert_type

from sqlmodel import Field

from domain import (
    OMITTED,
    Database,
    DomainModel,
    Entity,
    Page,
    Patch,
    Repository,
    SystemSession,
    TenantEntity,
    TenantRepository,
    TenantSession,
    Tender,
    TenderRepository,
    Text,
    Upserted,
    constructor,
    live_unique,
    tenant_key,
)
from domain.models import lookup_field


class InvoiceContent(DomainModel):
    tender_id: int = tenant_key(Tender)
    amount_cents: int = Field(ge=0)


class Invoice(InvoiceContent, TenantEntity, table=True):
    __tablename__ = "typed_invoices"
    __table_args__: ClassVar[Any] = (live_unique("tender_id"),)
    paid_with: int | None = tenant_key(Tender, default=None)


class InvoicePatch(InvoiceContent, Patch[Invoice]):
    tender_id: int = OMITTED
    amount_cents: int = OMITTED


class LoosePatch(InvoiceContent, Patch):
    """One that names no model is one of any."""


class InvoiceRepository(TenantRepository[Invoice]):
    model = Invoice
    patch = InvoicePatch

    @constructor(Invoice)
    def create(self, entity: Invoice) -> Invoice:
        """Insert an invoice."""
        return self.add(entity)

    def largest(self, limit: int = 10) -> Sequence[Invoice]:
        """Invoices over a thousand."""
        return self.find(Invoice.amount_cents > 100_000, limit=limit)


class Currency(Entity, table=True):
    __tablename__ = "typed_currencies"
    code: str = Field(max_length=3)


class CurrencyRepository(Repository[Currency]):
    model = Currency


class ApiKey(TenantEntity, table=True):
    __tablename__ = "typed_api_keys"
    digest: Text = lookup_field(max_length=64)


def log_in(db: Database, digest: str) -> None:
    assert_type(db.find_by_secret(ApiKey, digest=digest), ApiKey | None)
    assert_type(ApiKey(digest=digest).digest, str)


TenantT = TypeVar("TenantT", bound=TenantEntity)


class Archive(Generic[TenantT]):
    """Code over any repository of an organization's data keeps its model."""

    def __init__(self, repository: TenantRepository[TenantT]) -> None:
        self.repository = repository

    def newest(self) -> TenantT | None:
        return next(iter(self.repository.find(limit=1)), None)


def use(session: TenantSession, body: InvoiceContent) -> None:
    invoices = InvoiceRepository(session)
    invoice = invoices.create(tender_id=1, amount_cents=100, organization_id=7)
    assert_type(invoice, Invoice)
    assert_type(invoice.id, int)
    assert_type(invoice.organization_id, int)
    assert_type(invoice.paid_with, int | None)
    assert_type(invoices.get(1), Invoice | None)
    assert_type(invoices.require(1), Invoice)
    assert_type(invoices.find(), Sequence[Invoice])
    assert_type(invoices.largest(), Sequence[Invoice])
    assert_type(invoices.page(), Page[Invoice])
    assert_type(invoices.stream(), Iterator[Invoice])
    assert_type(invoices.add(Invoice.model_validate(body)), Invoice)
    assert_type(invoices.put(invoice), Invoice)
    assert_type(invoices.create_many([invoice]), Sequence[Invoice])
    assert_type(invoices.upsert_many([body]), Upserted)
    assert_type(invoices.update(1, InvoicePatch(amount_cents=5), expected_version=3, org_id=7), Invoice)
    assert_type(invoices.update(1, LoosePatch.model_validate({"amount_cents": 5})), Invoice)
    assert_type(invoices.update(1, body), Invoice)
    assert_type(invoices.update(1, amount_cents=5), Invoice)
    assert_type(invoices.soft_delete(1), bool)
    assert_type(rename(invoices, 1, InvoicePatch(amount_cents=5)), Invoice)
    assert_type(Archive(invoices).newest(), Invoice | None)
    assert_type(Archive(TenderRepository(session)).newest(), Tender | None)


def rename(repository: TenantRepository[TenantT], entity_id: int, patch: Patch[TenantT]) -> TenantT:
    """Code over any repository takes its model's patches."""
    return repository.update(entity_id, patch)


def use_of_no_organization(session: TenantSession, system: SystemSession) -> None:
    assert_type(CurrencyRepository(session).require(1).code, str)
    assert_type(CurrencyRepository(system).page(), Page[Currency])
