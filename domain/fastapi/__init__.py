"""For FastAPI (extra ``fastapi``): whom a request works for, and errors as problem details.

An application knows its users, so it writes the dependency itself; a handle holds no connection::

    async def tenant(user: CurrentUser, db: CurrentDatabase, request_id: RequestId) -> TenantHandle:
        return db.tenant(user.organization_id, actor=f"user:{user.id}", request_id=request_id)

    Tenant = Annotated[TenantHandle, Depends(tenant)]

    @app.get("/tenders/{tender_id}", response_model=TenderPublic)
    def read_tender(tender_id: int, tenant: Tenant) -> Tender:
        with tenant.session() as session:
            return TenderRepository(session).require(tender_id)

    @app.post("/tenders", response_model=TenderPublic, status_code=201)
    async def create_tender(body: TenderContent, tenant: Tenant) -> Tender:
        return await tenant.arun(lambda session: TenderRepository(session).add(Tender.model_validate(body)))

So a session commits, and gives its connection back, before the answer is validated and sent. As a ``yield``
dependency it would keep both while its answer waits for a thread: it locks up under a burst.
"""

from .dependencies import CurrentDatabase, RequestId
from .handlers import install_errors
from .problems import Problem

__all__ = ["CurrentDatabase", "Problem", "RequestId", "install_errors"]
