"""A small application over the package's classes; it redeclares no field."""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException

from domain import (
    Organization,
    OrganizationContent,
    OrganizationPublic,
    OrganizationRepository,
    Page,
    TenantHandle,
    TenantSession,
    Tender,
    TenderContent,
    TenderPatch,
    TenderPublic,
    TenderRepository,
    User,
    UserProfile,
    UserPublic,
    UserRepository,
)
from domain.fastapi import CurrentDatabase, RequestId, install_errors

app = FastAPI()
install_errors(app)


async def current_tenant(
    x_organization: Annotated[int, Header()], database: CurrentDatabase, request_id: RequestId
) -> TenantHandle:
    """A real application takes the organization from the user who is logged in."""
    return database.tenant(x_organization, actor="tests", request_id=request_id)


Tenant = Annotated[TenantHandle, Depends(current_tenant)]


@app.post("/organizations", response_model=OrganizationPublic, status_code=201)
async def create_organization(
    body: OrganizationContent, database: CurrentDatabase, request_id: RequestId
) -> Organization:
    def unit(session: TenantSession) -> Organization:
        return OrganizationRepository(session).add(Organization.model_validate(body))

    return await database.astart(unit, request_id=request_id)


@app.post("/users", response_model=UserPublic, status_code=201)
def create_user(body: UserProfile, tenant: Tenant) -> User:
    with tenant.session() as session:
        return UserRepository(session).add(User.model_validate(body, update={"hashed_password": "$argon2id$secret"}))


@app.get("/users", response_model=list[UserPublic])
def list_users(tenant: Tenant) -> list[User]:
    with tenant.session() as session:
        return list(UserRepository(session).list_by_organization())


@app.post("/tenders", response_model=TenderPublic, status_code=201)
def create_tender(body: TenderContent, tenant: Tenant) -> Tender:
    with tenant.session() as session:
        return TenderRepository(session).add(Tender.model_validate(body))


@app.post("/tenders/metered", response_model=TenderPublic, status_code=201)
async def create_metered_tender(body: TenderContent, tenant: Tenant) -> Tender:
    """Counted against the month's limit in the same transaction: 429 and nothing stored where that is reached."""

    def unit(session: TenantSession) -> Tender:
        if not OrganizationRepository(session).update_usage(tenant.organization_id):
            raise HTTPException(429, "this month's limit is reached")
        return TenderRepository(session).add(Tender.model_validate(body))

    return await tenant.arun(unit)


@app.post("/tenders/queued", status_code=202)
def queue_tender(body: TenderContent, tenant: Tenant) -> dict[str, str]:
    """The row is sent by the COMMIT, at the end of the block."""
    with tenant.session() as session:
        session.add(Tender.model_validate(body))
    return {"status": "queued"}


@app.patch("/tenders/{tender_id}", response_model=TenderPublic)
def patch_tender(tender_id: int, body: TenderPatch, tenant: Tenant, version: int | None = None) -> Tender:
    with tenant.session() as session:
        return TenderRepository(session).update(tender_id, body, expected_version=version)


@app.get("/tenders/{tender_id}", response_model=TenderPublic)
async def read_tender(tender_id: int, tenant: Tenant) -> Tender:
    return await tenant.arun(lambda session: TenderRepository(session).require(tender_id))


@app.get("/tenders", response_model=Page[TenderPublic])
def list_tenders(tenant: Tenant, after: str | None = None, search: str | None = None, limit: int = 50) -> Page[Tender]:
    with tenant.session() as session:
        return TenderRepository(session).page(after=after, search=search, limit=limit, with_total=True)
