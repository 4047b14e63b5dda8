"""Types of ``domain.fastapi``, for every checker; nothing here runs."""

from typing import assert_type

from fastapi import APIRouter, FastAPI, Response

from domain import Database, Page, TenantSession, Tender, TenderOrder, TenderPublic, TenderRepository
from domain.fastapi import CurrentDatabase, IfMatch, PageParams, RequestId, health_routes, install_errors, with_etag


def endpoint(page: PageParams, version: IfMatch, request_id: RequestId, db: CurrentDatabase) -> None:
    assert_type(page["limit"], int)
    assert_type(page["after"], str | None)
    assert_type(version, int)
    assert_type(request_id, str)
    assert_type(db, Database)


def pages(session: TenantSession, page: PageParams) -> None:
    tenders = TenderRepository(session)
    assert_type(tenders.page(**page), Page[Tender])
    assert_type(tenders.page(order_by=TenderOrder.DEADLINE, as_=TenderPublic, **page), Page[TenderPublic])


def answers(app: FastAPI, response: Response, tender: Tender, public: TenderPublic) -> None:
    assert_type(with_etag(response, tender), Tender)
    assert_type(with_etag(response, public), TenderPublic)
    assert_type(health_routes(), APIRouter)
    install_errors(app)
