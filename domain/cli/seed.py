"""``domain seed``: something to play with."""

from datetime import timedelta
from importlib.resources import files
from typing import Annotated

import typer
from pydantic import BaseModel, TypeAdapter
from sqlmodel import col

from ..analyses.model import AnalysisCost, AnalysisFilter, AnalysisRating, AnalysisResult
from ..analyses.repository import AnalysisRepository
from ..bids.model import BidContent, BidDocument
from ..bids.repository import BidDocumentRepository
from ..database import Database
from ..kit.model.fields import utcnow
from ..kit.session import TenantSession
from ..tenders.model import Tender, TenderContent, TenderStatus
from ..tenders.repository import TenderRepository
from .options import DatabaseUrl
from .organizations import ensure_organization
from .screen import counted

ACTOR = "domain seed"
SEEDS = files("domain.samples") / "seed.json"


class Look(AnalysisFilter, AnalysisRating, AnalysisCost):
    """An analysis that does not know its tender yet."""


class Seed(BaseModel):
    """A tender and what goes with it; its dates lie around the day on which it is planted."""

    deadline_in_days: int
    published_days_ago: int
    tender: TenderContent
    status: TenderStatus
    error_message: str | None = None
    analysis: Look | None = None
    bid: BidContent | None = None


def seed(
    organization: Annotated[
        str, typer.Option(metavar="SLUG", help="Who gets them; created where it is missing.")
    ] = "playground",
    database_url: DatabaseUrl = None,
) -> None:
    """Create a few invented tenders, analyses and bids to play with.

    Enough to see something in every list and on every page of an application.
    What is there already stays as it is, whatever was changed or deleted: a
    second run does nothing.

    Examples

      domain seed
      domain seed --organization acme
    """
    seeds = TypeAdapter(list[Seed]).validate_json(SEEDS.read_bytes())
    with Database(database_url) as db:
        target, created = ensure_organization(db, organization, actor=ACTOR)
        with db.get_session(organization_id=target.id, actor=ACTOR) as session:
            planted = [plan for plan in seeds if _plant(session, plan)]
    if created:
        typer.echo(f"{target.slug}: created, as organization {target.id}")
    if not planted:
        typer.echo(f"{target.slug}: everything is there already")
        return
    analyses = sum(plan.analysis is not None for plan in planted)
    bids = sum(plan.bid is not None for plan in planted)
    added = f"{counted(len(planted), 'tender')}, {counted(analyses, 'analysis', 'analyses')} and {counted(bids, 'bid')}"
    typer.echo(f"{target.slug}: added {added}")


def _plant(session: TenantSession, plan: Seed) -> bool:
    """Add the tender and what goes with it, unless it is or was there; whether it was added."""
    tenders = TenderRepository(session)
    if tenders.exists(col(Tender.external_id) == plan.tender.external_id, include_deleted=True):
        return False
    now = utcnow()
    own = {
        "deadline": now + timedelta(days=plan.deadline_in_days),
        "published_at": now - timedelta(days=plan.published_days_ago),
        "status": plan.status,
        "error_message": plan.error_message,
    }
    tender = tenders.add(Tender.model_validate(plan.tender, update=own))
    reference = {"tender_id": tender.id}
    if plan.analysis is not None:
        AnalysisRepository(session).add(AnalysisResult.model_validate(plan.analysis, update=reference))
    if plan.bid is not None:
        BidDocumentRepository(session).add(BidDocument.model_validate(plan.bid, update=reference))
    return True
