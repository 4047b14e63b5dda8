"""Analyses of tenders, which are metered, and bids."""

from fastapi import APIRouter, HTTPException, Response

from domain import AnalysisContent, AnalysisPatch, AnalysisPublic, AnalysisResult, Page
from domain.fastapi import IfMatch, PageParams, with_etag
from domain.models import BidDocument, BidDocumentContent, BidPatch, BidPublic
from domain.repositories import AnalysisRepository, BidDocumentRepository, OrganizationRepository

from .access import Reader, Writer

router = APIRouter(tags=["analyses and bids"])


@router.post("/analyses", status_code=201, response_model=AnalysisPublic, responses={429: {}})
def create_analysis(body: AnalysisContent, tenant: Writer) -> AnalysisResult:
    """It counts against the month's limit, and its cost goes to the ledger."""
    with tenant.session() as session:
        if not OrganizationRepository(session).update_usage(tenant.organization_id):
            raise HTTPException(429, "this month's limit of analyses is reached")
        return AnalysisRepository(session).add(AnalysisResult.model_validate(body))


@router.get("/analyses/{analysis_id}", response_model=AnalysisPublic)
def read_analysis(analysis_id: int, tenant: Reader, response: Response) -> AnalysisResult:
    return with_etag(response, tenant.run(lambda s: AnalysisRepository(s).require(analysis_id)))


@router.patch("/analyses/{analysis_id}", response_model=AnalysisPublic)
def change_analysis(analysis_id: int, body: AnalysisPatch, tenant: Writer, version: IfMatch) -> AnalysisResult:
    return tenant.run(lambda s: AnalysisRepository(s).update(analysis_id, body, expected_version=version))


@router.post("/bids", status_code=201, response_model=BidPublic)
def create_bid(body: BidDocumentContent, tenant: Writer) -> BidDocument:
    return tenant.run(lambda s: BidDocumentRepository(s).add(BidDocument.model_validate(body)))


@router.get("/bids")
def list_bids(tenant: Reader, page: PageParams) -> Page[BidPublic]:
    return tenant.run(lambda s: BidDocumentRepository(s).page(as_=BidPublic, **page))


@router.get("/bids/{bid_id}", response_model=BidPublic)
def read_bid(bid_id: int, tenant: Reader, response: Response) -> BidDocument:
    return with_etag(response, tenant.run(lambda s: BidDocumentRepository(s).require(bid_id)))


@router.patch("/bids/{bid_id}", response_model=BidPublic)
def change_bid(bid_id: int, body: BidPatch, tenant: Writer, version: IfMatch) -> BidDocument:
    return tenant.run(lambda s: BidDocumentRepository(s).update(bid_id, body, expected_version=version))
