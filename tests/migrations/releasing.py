"""Makes the databases of a release, once, when it is made; ``test_released.py`` upgrades them ever after.

Rows of every table, by the public API, dumped by ``domain db dump``'s own function.

    python -m tests.migrations.releasing 0.1.0
"""

import gzip
import os
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from domain import (
    AnalysisRepository,
    BidDocument,
    BidDocumentRepository,
    CostRepository,
    Database,
    OrganizationRepository,
    TenderRepository,
    UserRepository,
)
from domain.deployment import dump
from domain.ingest import import_paths
from domain.migrations import upgrade
from domain.repositories import ApiKeyRepository
from domain.retention import purge
from domain.testing import Cluster, build
from domain.testing.binaries import find_binaries

RELEASED = Path(__file__).with_name("released")
SAMPLES = Path(__file__).parents[2] / "domain/samples/northwind"
SLUGS = ("first", "second")
TEXT = "Tab\t, line\n, \\N, é, 中"


def fill(database: Database) -> None:
    """Two organizations with rows in every table: live, deleted and purged ones."""
    for slug in SLUGS:
        with database.get_session(actor="release") as session:
            organization = OrganizationRepository(session).create(name=slug, slug=slug, monthly_budget_usd=Decimal(10))
        import_paths(database, [SAMPLES], organization_id=organization.id)
        with database.get_session(organization_id=organization.id, actor="release") as session:
            UserRepository(session).create(email=f"{slug}@example.org", full_name=slug, hashed_password="none")
            ApiKeyRepository(session).issue("reader")
            CostRepository(session).reserve(Decimal("0.25"))
            tenders = TenderRepository(session)
            for tender in list(tenders.find(limit=3)):
                AnalysisRepository(session).create(
                    tender_id=tender.id, is_relevant=True, confidence=0.5, processing_cost=Decimal("0.125")
                )
                BidDocumentRepository(session).add(build(BidDocument, tender_id=tender.id, approach=TEXT))
            purged, deleted, _ = (tender.id for tender in tenders.find(limit=3))
            tenders.soft_delete(purged)
        purge(database, actor="release", organization_id=organization.id, older_than_days=0)
        with database.get_session(organization_id=organization.id, actor="release") as session:
            TenderRepository(session).soft_delete(deleted)


def make(database: Database, file: Path) -> None:
    """Fill an upgraded database, and keep its dump."""
    fill(database)
    with TemporaryDirectory() as folder:
        dump(database.migration_engine, plain := Path(folder) / "dump")
        file.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))


def main() -> None:
    version = sys.argv[1]
    os.environ["PATH"] = os.pathsep.join((str(find_binaries()), os.environ["PATH"]))
    with TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/domain.db") as database:
        upgrade(database.migration_engine)
        make(database, RELEASED / f"{version}.sqlite.gz")
    with Cluster() as cluster, cluster.database(name := cluster.create()) as database:
        cluster.grant(name)
        upgrade(database.migration_engine)
        cluster.grant(name)
        make(database, RELEASED / f"{version}.postgresql.gz")


if __name__ == "__main__":
    main()
