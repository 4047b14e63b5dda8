"""Types of OrganizationRepository, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import assert_type

from domain import (
    Organization,
    OrganizationPatch,
    OrganizationRepository,
    Page,
    SubscriptionTier,
    SystemSession,
    TenantSession,
    Upserted,
)
from domain.organizations.model import OrganizationPlan


def reads(session: TenantSession) -> None:
    organizations = OrganizationRepository(session)
    assert_type(organizations.get(1), Organization | None)
    assert_type(organizations.require(1), Organization)
    assert_type(organizations.get_by_id(1), Organization | None)
    assert_type(organizations.get_by_id(org_id=1), Organization | None)
    assert_type(organizations.get_by_slug("acme"), Organization | None)
    assert_type(organizations.get_by_slug(slug="acme"), Organization | None)
    assert_type(organizations.find(limit=5), Sequence[Organization])
    assert_type(organizations.page(), Page[Organization])
    assert_type(organizations.count(), int)
    assert_type(organizations.exists(), bool)


def writes(session: TenantSession) -> None:
    organizations = OrganizationRepository(session)
    created = organizations.create(name="Acme", slug="acme", subscription_tier=SubscriptionTier.PRO)
    assert_type(created, Organization)
    assert_type(created.id, int)
    assert_type(created.monthly_analysis_count, int)
    assert_type(organizations.add(Organization(name="Acme", slug="acme")), Organization)
    assert_type(organizations.put(Organization(name="Acme", slug="acme")), Organization)
    assert_type(organizations.update(1, OrganizationPatch(name="Acme")), Organization)
    assert_type(organizations.update(1, OrganizationPlan(is_active=False), expected_version=1), Organization)
    assert_type(organizations.update(1, slug="acme"), Organization)
    assert_type(organizations.update_usage(1), bool)
    assert_type(organizations.update_usage(org_id=1, increment=2), bool)
    assert_type(organizations.return_usage(1), bool)
    assert_type(organizations.return_usage(org_id=1, amount=2, used_at=datetime.now(UTC)), bool)
    assert_type(organizations.reset_monthly_usage(org_id=1), bool)
    assert_type(organizations.can_analyze(org_id=1), bool)
    assert_type(organizations.soft_delete(org_id=1), bool)
    assert_type(organizations.restore(1), bool)


def across(system: SystemSession) -> None:
    organizations = OrganizationRepository(system)
    assert_type(organizations.list_active(limit=10), Sequence[Organization])
    assert_type(organizations.stream_active(), Iterator[Organization])
    assert_type(organizations.stream(), Iterator[Organization])
    assert_type(organizations.upsert_many([]), Upserted)
    with system.as_organization(1) as session:
        assert_type(session, TenantSession)
