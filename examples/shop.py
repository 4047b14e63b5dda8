"""A small application over the package's classes; it redeclares no field."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header

from domain import (
    Organization,
    OrganizationContent,
    OrganizationPublic,
    OrganizationRepository,
    Page,
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
from domain.fastapi import CurrentDatabase, OpenSession, install_errors

app = FastAPI()
install_errors(app)


def tenant_session(x_organization: Annotated[int, Header()], database: CurrentDatabase) -> Iterator[TenantSession]:
    with database.get_session(organization_id=x_organization, actor="tests") as session:
        yield session


Session = Annotated[TenantSession, Depends(tenant_session, scope="function")]


@app.post("/organizations", response_model=OrganizationPublic, status_code=201)
def create_organization(body: OrganizationContent, session: OpenSession) -> Organization:
    return OrganizationRepository(session).add(Organization.model_validate(body))


@app.post("/users", response_model=UserPublic, status_code=201)
def create_user(body: UserProfile, session: Session) -> User:
    return UserRepository(session).add(User.model_validate(body, update={"hashed_password": "$argon2id$secret"}))


@app.get("/users", response_model=list[UserPublic])
def list_users(session: Session) -> list[User]:
    return list(UserRepository(session).list_by_organization())


@app.post("/tenders", response_model=TenderPublic, status_code=201)
def create_tender(body: TenderContent, session: Session) -> Tender:
    return TenderRepository(session).add(Tender.model_validate(body))


@app.post("/tenders/queued", status_code=202)
def queue_tender(body: TenderContent, session: Session) -> dict[str, str]:
    """The row is sent by the COMMIT, after this function has returned."""
    session.add(Tender.model_validate(body))
    return {"status": "queued"}


@app.patch("/tenders/{tender_id}", response_model=TenderPublic)
def patch_tender(tender_id: int, body: TenderPatch, session: Session, version: int | None = None) -> Tender:
    return TenderRepository(session).update(tender_id, body, expected_version=version)


@app.get("/tenders/{tender_id}", response_model=TenderPublic)
def read_tender(tender_id: int, session: Session) -> Tender:
    return TenderRepository(session).require(tender_id)


@app.get("/tenders", response_model=Page[TenderPublic])
def list_tenders(
    session: Session, after: str | None = None, search: str | None = None, limit: int = 50
) -> Page[Tender]:
    return TenderRepository(session).page(after=after, search=search, limit=limit, with_total=True)
