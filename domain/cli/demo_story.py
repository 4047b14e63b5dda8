"""What the demo does: two organizations, from notices in files to drafted bids. It needs one login only."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files

from sqlmodel import col

from ..analyses.model import AnalysisResult
from ..analyses.repository import AnalysisRepository
from ..bids.model import BidDocument
from ..bids.repository import BidDocumentRepository
from ..database import Database
from ..ingest import import_paths
from ..kit.session import TenantSession
from ..organizations.model import Organization
from ..organizations.repository import OrganizationRepository
from ..tenders.model import Tender, TenderStatus
from ..tenders.notices import TenderNoticeRepository
from ..tenders.repository import TenderRepository
from .demo_companies import Company, is_open, scores
from .organizations import ensure_organization

ACTOR = "domain demo"
SAMPLES = "domain.samples"
GOOD_SCORE = 7.0
LISTED = 5
BIDS = 3


@dataclass(frozen=True, kw_only=True)
class Rated:
    """A tender and what was made of it."""

    tender: Tender
    score: float
    has_bid: bool


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What there is of one organization, as its own session sees it; ``newest`` is one tender, or none."""

    company: Company
    organization: Organization
    notices: int
    by_status: dict[TenderStatus, int]
    bids: int
    best: Sequence[Rated]
    newest: Sequence[Tender]

    @property
    def tenders(self) -> int:
        """All of them."""
        return sum(self.by_status.values())


def tell(db: Database, company: Company) -> Chapter:
    """Do what is not done yet, and say what there is now."""
    organization, _ = ensure_organization(
        db,
        company.slug,
        actor=ACTOR,
        name=company.name,
        tier=company.tier,
        monthly_analysis_limit=company.monthly_analysis_limit,
    )
    with as_file(files(SAMPLES) / company.folder) as folder:
        import_paths(db, [folder], organization_id=organization.id, strict=True, actor=ACTOR)
    with db.get_session(organization_id=organization.id, actor=ACTOR) as session:
        if not AnalysisRepository(session).exists():
            _analyse(session, company)
            _draft_bids(session, company)
    with db.get_session(organization_id=organization.id) as session:
        return _chapter(session, company)


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
        found = scores(tender, company)
        analyses.create(
            tender_id=tender.id,
            is_relevant=True,
            confidence=1.0,
            overall_score=found.overall,
            strategic_fit=found.fit,
            resource_requirements=found.time,
            win_probability=found.clarity,
            llm_model="none: a rule of the demo",
        )
        good = found.overall >= GOOD_SCORE
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


def _chapter(session: TenantSession, company: Company) -> Chapter:
    tenders, bids = TenderRepository(session), BidDocumentRepository(session)
    analyses = AnalysisRepository(session)
    organization = OrganizationRepository(session).require(session.organization_id)
    best = analyses.get_high_score_tenders(min_score=GOOD_SCORE, limit=LISTED)
    ids = [tender.id for tender in best]
    score = {a.tender_id: a.overall_score or 0.0 for a in analyses.find(col(AnalysisResult.tender_id).in_(ids))}
    with_bid = {bid.tender_id for bid in bids.find(col(BidDocument.tender_id).in_(ids))}
    return Chapter(
        company=company,
        organization=organization,
        notices=TenderNoticeRepository(session).count(),
        by_status=tenders.count_by_status(),
        bids=bids.count(),
        best=[Rated(tender=t, score=score[t.id], has_bid=t.id in with_bid) for t in best],
        newest=tenders.find(limit=1),
    )
