"""The organization: its name, the month's usage, costs and the audit trail."""

from collections.abc import Sequence
from datetime import date

from fastapi import APIRouter, Response

from domain import AuditEntry, AuditEntryPublic, Organization, OrganizationPatch, OrganizationPublic, Page
from domain.fastapi import IfMatch, PageParams, with_etag
from domain.repositories import AuditRepository, CostRepository, CostSum, OrganizationRepository, Usage

from .access import Manager, Owner, Reader

router = APIRouter(tags=["organization"])


@router.get("/organization", response_model=OrganizationPublic)
def read_organization(tenant: Reader, response: Response) -> Organization:
    return with_etag(response, tenant.run(lambda s: OrganizationRepository(s).require(tenant.organization_id)))


@router.patch("/organization", response_model=OrganizationPublic)
def change_organization(body: OrganizationPatch, tenant: Owner, version: IfMatch, response: Response) -> Organization:
    changed = tenant.run(lambda s: OrganizationRepository(s).update(s.organization_id, body, expected_version=version))
    return with_etag(response, changed)


@router.get("/usage")
def read_usage(tenant: Reader) -> Usage:
    return tenant.run(lambda s: OrganizationRepository(s).usage(s.organization_id))


@router.get("/costs")
def read_costs(tenant: Manager, since: date | None = None, until: date | None = None) -> Sequence[CostSum]:
    return tenant.run(lambda s: CostRepository(s).costs(since=since, until=until))


@router.get("/audit", response_model=Page[AuditEntryPublic])
def read_audit(tenant: Manager, page: PageParams) -> Page[AuditEntry]:
    return tenant.run(lambda s: AuditRepository(s).page(**page))
