"""The demo's story: two organizations, from notices in files to drafted bids. It needs one login only."""

from importlib.resources import as_file, files
from typing import NamedTuple

from ..analyses.model import AnalysisResult
from ..analyses.repository import AnalysisRepository
from ..bids.repository import BidDocumentRepository
from ..database import Database
from ..ingest import import_paths
from ..kit.session import TenantSession
from ..organizations.model import Organization
from ..organizations.repository import OrganizationRepository
from ..tenders.model import Tender, TenderStatus
from ..tenders.repository import TenderRepository
from .demo_companies import Company, is_open, rated

ACTOR = "domain demo"
SAMPLES = "domain.samples"
GOOD_SCORE = 7.0
BIDS = 3


class Customer(NamedTuple):
    """A company, and the organization that stands for it in the database."""

    company: Company
    organization: Organization

    @property
    def name(self) -> str:
        """The company's."""
        return self.company.name


def tell(db: Database, company: Company) -> Customer:
    """Import a company's notices, rate them, and draft its bids."""
    with db.get_session(actor=ACTOR) as session:
        organization = OrganizationRepository(session).create(
            name=company.name,
            slug=company.slug,
            subscription_tier=company.tier,
            monthly_analysis_limit=company.monthly_analysis_limit,
        )
    with as_file(files(SAMPLES) / company.slug.removeprefix("demo-")) as folder:
        import_paths(db, [folder], organization_id=organization.id, strict=True, actor=ACTOR)
    with db.get_session(organization_id=organization.id, actor=ACTOR) as session:
        _analyse(session, company)
        _draft_bids(session, company)
        return Customer(company, OrganizationRepository(session).require(organization.id))


def _analyse(session: TenantSession, company: Company) -> None:
    """Rate the latest notices first, for as long as the month's limit allows it; the others stay pending."""
    organizations, tenders = OrganizationRepository(session), TenderRepository(session)
    analyses = AnalysisRepository(session)
    for tender in sorted(tenders.find(limit=200), key=_latest_first):
        if not organizations.update_usage(session.organization_id):
            return
        if not is_open(tender):
            reason = f"The notice is {tender.notice_status}."
            analyses.create(tender_id=tender.id, is_relevant=False, confidence=1.0, filter_reasoning=reason)
            tenders.update_status(tender.id, TenderStatus.FILTERED_OUT)
            continue
        rating = rated(tender, company)
        facts = {
            "tender_id": tender.id,
            "is_relevant": True,
            "confidence": 1.0,
            "llm_model": "none: a rule of the demo",
        }
        analyses.add(AnalysisResult.model_validate(rating, update=facts))
        good = (rating.overall_score or 0) >= GOOD_SCORE
        tenders.update_status(tender.id, TenderStatus.COMPLETE if good else TenderStatus.RATED_LOW)


def _latest_first(tender: Tender) -> tuple[float, str]:
    published = tender.published_at
    return -published.timestamp() if published else 0.0, tender.external_id or ""


def _draft_bids(session: TenantSession, company: Company) -> None:
    bids = BidDocumentRepository(session)
    for tender in AnalysisRepository(session).get_high_score_tenders(min_score=GOOD_SCORE, limit=BIDS):
        bids.create(
            tender_id=tender.id,
            executive_summary=f"{company.name} offers to carry out: {tender.title}",
            capabilities=f"{company.name} {company.trade}.",
            approach="One team, one date, one person to call.",
            value_proposition="Invented, as everything in this demo.",
        )
