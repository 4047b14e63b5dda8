"""``domain seed``: something to play with."""

from typing import Annotated

import typer
from sqlmodel import col

from ..database import Database
from ..models import AnalysisResult, BidDocument, Tender
from ..models.fields import utcnow
from ..repositories import AnalysisRepository, BidDocumentRepository, TenderRepository
from ..tenancy import TenantSession
from .options import DatabaseUrl
from .organizations import ensure_organization
from .screen import counted
from .seed_data import Seed, seeds

ACTOR = "domain seed"


def seed(
    organization: Annotated[
        str, typer.Option("--organization", metavar="SLUG", help="Who gets them; created where it is missing.")
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
    with Database(database_url) as db:
        target, created = ensure_organization(db, organization, actor=ACTOR)
        with db.get_session(organization_id=target.id, actor=ACTOR) as session:
            planted = [plan for plan in seeds(utcnow()) if _plant(session, plan)]
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
    progress = {"status": plan.status, "error_message": plan.error_message}
    tender = tenders.add(Tender.model_validate(plan.tender, update=progress))
    reference = {"tender_id": tender.id}
    if plan.analysis is not None:
        AnalysisRepository(session).add(AnalysisResult.model_validate(plan.analysis, update=reference))
    if plan.bid is not None:
        BidDocumentRepository(session).add(BidDocument.model_validate(plan.bid, update=reference))
    return True
