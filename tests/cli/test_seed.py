"""``domain seed``."""

from collections.abc import Callable
from subprocess import CompletedProcess

from sqlmodel import col

from domain import AnalysisRepository, BidDocumentRepository, Database, Tender, TenderRepository, TenderStatus
from domain.organizations.repository import OrganizationRepository

Run = Callable[..., CompletedProcess[str]]


def _organization(db: Database, slug: str) -> int:
    with db.get_session() as session:
        found = OrganizationRepository(session).get_by_slug(slug)
    assert found is not None
    return found.id


def test_seeding_fills_every_kind_of_list(run: Run, exported: Database) -> None:
    done = run("seed", "--organization", "first")
    assert (done.returncode, done.stderr) == (0, "")
    with exported.get_session(organization_id=_organization(exported, "first")) as session:
        by_status = TenderRepository(session).count_by_status()
        analyses, bids = AnalysisRepository(session).count(), BidDocumentRepository(session).count()
        best = AnalysisRepository(session).get_high_score_tenders()
    assert {status for status, count in by_status.items() if count} == set(TenderStatus) - {TenderStatus.PROCESSING}
    assert (analyses, bids, len(best)) == (4, 1, 2)
    with exported.get_session(organization_id=_organization(exported, "second")) as session:
        assert TenderRepository(session).count() == 0


def test_the_organization_is_created_where_it_is_missing(run: Run, exported: Database) -> None:
    assert "playground: created" in run("seed").stdout
    assert _organization(exported, "playground")


def test_a_second_run_changes_nothing(run: Run, exported: Database) -> None:
    run("seed", "--organization", "first")
    organization_id = _organization(exported, "first")
    with exported.get_session(organization_id=organization_id) as session:
        tenders = TenderRepository(session)
        bridge, *_ = tenders.find(col(Tender.external_id) == "seed-0001")
        resurfacing, *_ = tenders.find(col(Tender.external_id) == "seed-0003")
        bridge.title = "Renamed by hand"
        tenders.soft_delete(resurfacing.id)
    done = run("seed", "--organization", "first")
    assert (done.returncode, done.stdout) == (0, "first: everything is there already\n")
    with exported.get_session(organization_id=organization_id) as session:
        tenders = TenderRepository(session)
        assert tenders.require(bridge.id).title == "Renamed by hand"
        assert tenders.get(resurfacing.id) is None
        assert tenders.count() == 5
