"""Databases that released versions made are upgraded: so a released revision stays as it is, and no row is lost."""

import gzip
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from domain import (
    AnalysisRepository,
    BidDocumentRepository,
    CostRepository,
    Database,
    OrganizationRepository,
    TenderRepository,
    UserRepository,
    utcnow,
)
from domain.deployment import restore
from domain.migrations import check, upgrade
from domain.testing import Cluster
from domain.testing.binaries import find_binaries
from tests.migrations.releasing import RELEASED, SLUGS, TEXT
from tests.support.databases import superuser_url

DUMPS = sorted(RELEASED.glob("*.gz"))


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.stem)
def released(
    request: pytest.FixtureRequest, tmp_path: Path, domain_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """The database that a release has made, as it was then."""
    monkeypatch.setenv("PATH", os.pathsep.join((str(find_binaries()), os.environ["PATH"])))
    given: Path = request.param
    dump = tmp_path / "dump"
    dump.write_bytes(gzip.decompress(given.read_bytes()))
    if "sqlite" in given.stem:
        with Database(f"sqlite:///{tmp_path}/domain.db") as database:
            restore(database.migration_engine, dump)
            yield database
        return
    name = domain_cluster.create()
    domain_cluster.grant(name)
    with domain_cluster.database(name) as database:
        restore(database.migration_engine, dump)
        domain_cluster.grant(name)
        yield database
    domain_cluster.drop(name)


def counts(database: Database, cluster: Cluster) -> dict[str, int]:
    """The rows of every table, as somebody counts them whom nothing holds."""
    url = database.migration_engine.url
    engine = create_engine(url if database.is_sqlite else superuser_url(cluster, make_url(url).database or ""))
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        found = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}
    engine.dispose()
    return found


def test_every_table_of_a_release_has_rows_to_lose(released: Database, domain_cluster: Cluster) -> None:
    empty = {name for name, count in counts(released, domain_cluster).items() if not count}
    assert empty <= {"audit_context"}  # who writes, on SQLite, within a transaction


def test_an_upgrade_leaves_what_the_models_say_and_every_row(released: Database, domain_cluster: Cluster) -> None:
    before = counts(released, domain_cluster)
    upgrade(released.migration_engine)
    assert check(released.migration_engine) == []
    after = counts(released, domain_cluster)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("slug", SLUGS)
def test_an_organization_goes_on_with_its_own_rows(released: Database, domain_cluster: Cluster, slug: str) -> None:
    upgrade(released.migration_engine)
    if not released.is_sqlite:
        domain_cluster.grant(str(released.engine.url.database))
    organization = released.start(lambda session: OrganizationRepository(session).get_by_slug(slug))
    assert organization is not None
    with released.get_session(organization_id=organization.id) as session:
        assert [user.email for user in UserRepository(session).find()] == [f"{slug}@example.org"]
        tenders = TenderRepository(session)
        assert tenders.count() == 18
        bid = BidDocumentRepository(session).find()[0]
        assert bid.approach == TEXT
        analysis = AnalysisRepository(session).get_by_tender_id(bid.tender_id)
        assert analysis is not None
        assert analysis.processing_cost == Decimal("0.125")
        entries = CostRepository(session).page().items
        assert sum(entry.cost_usd for entry in entries) == Decimal("0.375")
        tender = tenders.create(title="New", deadline=utcnow())
        assert tender.id > max(each.id for each in tenders.find() if each.title != "New")
        assert OrganizationRepository(session).require(organization.id).monthly_budget_usd == Decimal(10)
