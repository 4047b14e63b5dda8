"""What test_burst serves: the example application, more endpoints like its own, and sessions as dependencies."""

import json
import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends

from domain import OrganizationRepository, TenantSession, Tender, TenderContent, TenderPublic, TenderRepository, init_db
from examples.api import app
from examples.api.access import Writer

init_db(**json.loads(os.environ["BURST_OPTIONS"]))


def create(session: TenantSession, body: TenderContent) -> Tender:
    return TenderRepository(session).add(Tender.model_validate(body))


def metered(session: TenantSession, body: TenderContent) -> Tender:
    assert OrganizationRepository(session).update_usage(session.organization_id)
    return create(session, body)


@app.post("/async", response_model=TenderPublic, status_code=201)
async def create_in_a_coroutine(body: TenderContent, tenant: Writer) -> Tender:
    return await tenant.arun(lambda session: create(session, body))


@app.post("/metered", response_model=TenderPublic, status_code=201)
def create_metered_in_a_thread(body: TenderContent, tenant: Writer) -> Tender:
    with tenant.session() as session:
        return metered(session, body)


@app.post("/async/metered", response_model=TenderPublic, status_code=201)
async def create_metered_in_a_coroutine(body: TenderContent, tenant: Writer) -> Tender:
    return await tenant.arun(lambda session: metered(session, body))


def old_session(tenant: Writer) -> Iterator[TenantSession]:
    with tenant.session() as session:
        yield session


OldSession = Annotated[TenantSession, Depends(old_session, scope="function")]


@app.post("/old", response_model=TenderPublic, status_code=201)
def create_the_old_way(body: TenderContent, session: OldSession) -> Tender:
    return create(session, body)


@app.post("/old/metered", response_model=TenderPublic, status_code=201)
def create_metered_the_old_way(body: TenderContent, session: OldSession) -> Tender:
    return metered(session, body)
