import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from domain import (
    BidDocument,
    BidDocumentRepository,
    ConfigurationError,
    ConstraintError,
    Database,
    Organization,
    OrganizationRepository,
    TenderRepository,
)
from domain.migrations import MigrationError, check, current, head, upgrade
from domain.migrations.transaction import LOCK
from domain.testing import build
from tests.migrations.conftest import a_tender_with_a_bid, next_revision, upgrade_by

Catalog = Callable[[Engine], set[str]]
UrlOf = Callable[[Engine], str]


REBUILD = "with op.batch_alter_table('tenders', recreate='always'): pass"


def test_a_migration_that_fails_half_way_leaves_nothing_behind(empty: Engine, catalog: Catalog, project: Path) -> None:
    upgrade(empty)
    before = catalog(empty)
    failing = next_revision(
        project,
        REBUILD if empty.dialect.name == "sqlite" else "pass",
        "op.create_table('half', sa.Column('id', sa.Integer(), primary_key=True))",
        'op.execute("INSERT INTO half (id) VALUES (1)")',
        "op.add_column('tenders', sa.Column('half', sa.Integer()))",
        "op.execute('UPDATE tenders SET half = 1')",
        "op.execute('SELECT nothing FROM nowhere')",
    )
    with pytest.raises((SQLAlchemyError, ConfigurationError), match="nowhere"):
        upgrade_by(failing, empty)
    assert catalog(empty) == before
    assert current(empty) == head()


def test_a_revision_that_fails_keeps_those_before_it_on_postgresql_and_none_on_sqlite(
    empty: Engine, catalog: Catalog, project: Path
) -> None:
    with pytest.raises((SQLAlchemyError, ConfigurationError), match="nowhere"):
        upgrade_by(next_revision(project, "op.execute('SELECT nothing FROM nowhere')"), empty)
    if empty.dialect.name == "sqlite":
        assert catalog(empty) == set()
        assert current(empty) is None
    else:
        assert current(empty) == head()
        assert check(empty) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_rebuilding_a_parent_table_keeps_its_children_and_its_rules(
    empty: Engine, catalog: Catalog, project: Path, url_of: UrlOf
) -> None:
    upgrade(empty)
    before = catalog(empty)
    a_tender_with_a_bid(url_of(empty))
    upgrade_by(next_revision(project, REBUILD), empty)
    assert current(empty) == "9999"
    assert {"tenders: UNIQUE (organization_id, id)", "tenders: PRIMARY KEY (id AUTOINCREMENT)"} <= before
    assert catalog(empty) == before
    with Database(url_of(empty)) as database, database.get_session(organization_id=1) as session:
        (bid,) = BidDocumentRepository(session).list_by_organization()
        assert TenderRepository(session).require(bid.tender_id).id == bid.tender_id


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_rebuilt_parent_table_still_refuses_another_organizations_bid(
    empty: Engine, project: Path, url_of: UrlOf
) -> None:
    upgrade(empty)
    a_tender_with_a_bid(url_of(empty))
    upgrade_by(next_revision(project, REBUILD), empty)
    with Database(url_of(empty)) as database, database.get_session() as session:
        other = OrganizationRepository(session).add(build(Organization, slug="other"))
        with pytest.raises(ConstraintError):
            BidDocumentRepository(session).add(build(BidDocument, organization_id=other.id, tender_id=1))


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_migration_that_would_orphan_rows_is_undone(
    empty: Engine, catalog: Catalog, project: Path, url_of: UrlOf
) -> None:
    upgrade(empty)
    a_tender_with_a_bid(url_of(empty))
    before = catalog(empty)
    with pytest.raises(MigrationError, match="1 of bid_documents to tenders"):
        upgrade_by(next_revision(project, "op.execute('DELETE FROM tenders')"), empty)
    with pytest.raises(MigrationError, match="refers to tenders, which would be gone"):
        upgrade_by(next_revision(project, "op.execute('DELETE FROM bid_documents')", "op.drop_table('tenders')"), empty)
    assert catalog(empty) == before
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM bid_documents")) == 1


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("step", ["pass", "op.execute('SELECT nothing FROM nowhere')"])
def test_foreign_keys_are_enforced_again_however_the_migration_ends(empty: Engine, project: Path, step: str) -> None:
    try:
        upgrade_by(next_revision(project, step), empty)
    except SQLAlchemyError:
        assert step != "pass"
    with empty.connect() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_an_engine_of_the_applications_own_is_migrated_in_one_transaction_too(
    tmp_path: Path, project: Path, catalog: Catalog
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/plain.db")
    with pytest.raises((SQLAlchemyError, ConfigurationError), match="nowhere"):
        upgrade_by(next_revision(project, "op.execute('SELECT nothing FROM nowhere')"), engine)
    assert catalog(engine) == set()
    upgrade(engine)
    assert current(engine) == head()
    engine.dispose()


DEPLOY = """
import sys
from domain.config import parse_url
from domain.kit.database.engines import make_engine
from domain.migrations import upgrade
engine = make_engine(parse_url(sys.argv[1]))
print("ready", flush=True)
upgrade(engine)
"""


def test_two_deployers_at_once_both_succeed(empty: Engine, url_of: UrlOf) -> None:
    command_line = [sys.executable, "-c", DEPLOY, url_of(empty)]
    with ExitStack() as running, empty.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if empty.dialect.name == "sqlite" else LOCK)
        deployers = [
            running.enter_context(subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
            for _ in range(2)
        ]
        for deployer in deployers:
            assert deployer.stdout is not None
            assert deployer.stdout.readline() == b"ready\n"
        time.sleep(0.3)
        assert all(deployer.poll() is None for deployer in deployers)
        connection.rollback()
        assert [(deployer.communicate()[0], deployer.returncode) for deployer in deployers] == [(b"", 0)] * 2
    assert check(empty) == []
