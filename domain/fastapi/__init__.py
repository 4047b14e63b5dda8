"""For FastAPI (extra ``fastapi``): whom a request works for, and errors as problem details.

An application knows its users, so it writes the dependency itself; a handle holds no connection::

    async def tenant(user: CurrentUser, db: CurrentDatabase, request_id: RequestId) -> TenantHandle:
        return db.tenant(user.organization_id, actor=f"user:{user.id}", request_id=request_id)

    Tenant = Annotated[TenantHandle, Depends(tenant)]

    @app.get("/tenders")
    async def list_tenders(
        tenant: Tenant, page: PageParams, wanted: Annotated[TenderFilter, Query()]
    ) -> Page[TenderPublic]:
        return await tenant.arun(lambda s: TenderRepository(s).page(wanted, as_=TenderPublic, **page))

    @app.patch("/tenders/{tender_id}", response_model=TenderPublic)
    async def patch_tender(tender_id: int, body: TenderPatch, tenant: Tenant, version: IfMatch) -> Tender:
        return await tenant.arun(lambda s: TenderRepository(s).update(tender_id, body, expected_version=version))

So a session commits, and gives its connection back, before the answer is validated and sent. As a ``yield``
dependency it would keep both while its answer waits for a thread: it locks up under a burst.
"""

from .dependencies import CurrentDatabase, RequestId
from .etags import IfMatch, with_etag
from .handlers import install_errors
from .health import health_routes
from .pages import PageParams
from .problems import Problem

__all__ = [
    "CurrentDatabase",
    "IfMatch",
    "PageParams",
    "Problem",
    "RequestId",
    "health_routes",
    "install_errors",
    "with_etag",
]
