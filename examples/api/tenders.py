"""Tenders: lists with filters, search, orders and cursors; counts; changes on the version that was read."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from domain import NotFoundError, Page, Tender, TenderContent, TenderFilter, TenderOrder, TenderPatch, TenderPublic
from domain.fastapi import IfMatch, PageParams, with_etag
from domain.repositories import TenderRepository

from .access import Reader, Writer

router = APIRouter(tags=["tenders"])
Wanted = Annotated[TenderFilter, Query()]


@router.get("/tenders")
def list_tenders(
    tenant: Reader, wanted: Wanted, page: PageParams, order: TenderOrder = TenderOrder.NEWEST
) -> Page[TenderPublic]:
    return tenant.run(lambda s: TenderRepository(s).page(wanted, order_by=order, as_=TenderPublic, **page))


@router.get("/counts")
def count_tenders(tenant: Reader, wanted: Wanted) -> dict[str, dict[str, int]]:
    with tenant.session() as session:
        tenders = TenderRepository(session)
        return {
            "status": {status.value: number for status, number in tenders.count_by_status(wanted).items()},
            "month": {str(month or "none"): number for month, number in tenders.count_by_month(wanted).items()},
            "currency": {code or "none": number for code, number in tenders.count_by_currency(wanted).items()},
        }


@router.post("/tenders", status_code=201, response_model=TenderPublic)
def create_tender(body: TenderContent, tenant: Writer, response: Response) -> Tender:
    return with_etag(response, tenant.run(lambda s: TenderRepository(s).add(Tender.model_validate(body))))


@router.get("/tenders/{tender_id}", response_model=TenderPublic)
def read_tender(tender_id: int, tenant: Reader, response: Response) -> Tender:
    return with_etag(response, tenant.run(lambda s: TenderRepository(s).require(tender_id)))


@router.patch("/tenders/{tender_id}", response_model=TenderPublic)
def change_tender(tender_id: int, body: TenderPatch, tenant: Writer, version: IfMatch, response: Response) -> Tender:
    changed = tenant.run(lambda s: TenderRepository(s).update(tender_id, body, expected_version=version))
    return with_etag(response, changed)


@router.delete("/tenders/{tender_id}", status_code=204)
def delete_tender(tender_id: int, tenant: Writer) -> None:
    if not tenant.run(lambda s: TenderRepository(s).soft_delete(tender_id)):
        raise NotFoundError(Tender, tender_id)


@router.post("/tenders/{tender_id}/restore", status_code=204)
def restore_tender(tender_id: int, tenant: Writer) -> None:
    if not tenant.run(lambda s: TenderRepository(s).restore(tender_id)):
        raise NotFoundError(Tender, tender_id)
