"""Places that ``test_editor`` asks pyright's server about; nothing here runs.

``# hover``: over the last name of the line; ``# signature``: behind its bracket; ``# completion``: behind its last dot.
"""

from domain import (
    AnalysisRepository,
    BidDocumentRepository,
    OrganizationRepository,
    Page,
    TenantHandle,
    TenantSession,
    Tender,
    TenderContent,
    TenderFilter,
    TenderPublic,
    TenderRepository,
    User,
    UserRepository,
)


def fields(row: Tender, body: TenderContent, answer: TenderPublic, user: User, page: Page[Tender]) -> None:
    print(row.deadline)  # hover
    print(row.version)  # hover
    print(row.organization_id)  # hover
    print(row.status)  # hover
    print(body.title)  # hover
    print(answer.estimated_value)  # hover
    print(user.email)  # hover
    print(page.next_cursor)  # hover


def conditions(wanted: TenderFilter) -> None:
    print(wanted.deadline_from)  # hover
    print(Tender.currency)  # hover


def creating(session: TenantSession) -> None:
    TenderRepository(session).create(title="Bridge")  # signature
    AnalysisRepository(session).create(tender_id=1, is_relevant=True, confidence=1)  # signature
    BidDocumentRepository(session).create(  # signature
        tender_id=1, executive_summary="a", capabilities="b", approach="c", value_proposition="d"
    )
    OrganizationRepository(session).create(name="Acme", slug="acme")  # signature
    UserRepository(session).create(email="ann@example.org", full_name="Ann", password="secret")  # signature
    Tender(title="Bridge")  # signature


def members(tenders: TenderRepository, tenant: TenantHandle, tender: Tender) -> None:
    print(tenders.model)  # completion
    print(tenant.actor)  # completion
    print(tender.title)  # completion
