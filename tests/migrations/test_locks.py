"""Migrations beside an application that is running: short waits for locks, many tries, and nothing half done."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from logging import LogRecord
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from domain import Database, TenderRepository, UnavailableError
from domain.config import parse_url
from domain.kit.database.engines import make_engine
from domain.migrations import MigrationBusyError, MigrationError, check, current, head, upgrade
from domain.migrations.runs import PATIENCE, Patience
from tests.migrations.conftest import next_revision, upgrade_by
from tests.migrations.test_policies import titles, two_tenders

Catalog = Callable[[Engine], set[str]]
UrlOf = Callable[[Engine], str]

COLUMN = "op.add_column('tenders', sa.Column('region', sa.String(20)))"
EXCLAIM = "op.execute(\"UPDATE tenders SET title = title || '!'\")"
OUTSIDE = "with op.get_context().autocommit_block():\n        "
FILL = "backfill('tenders', \"title = 'full'\", where=\"title <> 'full'\", rows=1)"
IMPORT = "from domain.migrations import backfill"
STOP = "op.get_context().opts['patience'].stop.set()"
OTHERS_ARE_FREE = (
    'assert op.get_bind().scalar(sa.text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()'
    " AND mode = 'AccessExclusiveLock' AND relation = 'users'::regclass\")) == 0"
)

postgresql_only = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@pytest.fixture
def migrated(empty: Engine) -> Engine:
    upgrade(empty)
    return empty


@pytest.fixture
def said() -> Iterator["SimpleQueue[LogRecord]"]:
    """What a run says while it goes on."""
    lines: SimpleQueue[LogRecord] = SimpleQueue()
    handler = QueueHandler(lines)
    log = logging.getLogger("domain.migrations")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield lines
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


def wait_for(lines: "SimpleQueue[LogRecord]", words: str) -> str:
    while words not in (line := lines.get(timeout=30).getMessage()):
        pass
    return line


def two_more(project: Path) -> Config:
    """Revisions 9999 and 99999: a column, and another."""
    config = next_revision(project, "op.add_column('users', sa.Column('first', sa.Integer()))")
    (project / "alembic/versions/99999_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = '99999'\ndown_revision = '9999'\n\n\n"
        f"def upgrade():\n    {COLUMN}\n\n\ndef downgrade():\n    pass\n"
    )
    return config


@postgresql_only
def test_a_revision_that_waits_for_a_lock_lets_others_through_and_is_tried_again(
    migrated: Engine, project: Path, said: "SimpleQueue[LogRecord]"
) -> None:
    config = two_more(project)
    with ThreadPoolExecutor() as deployer, migrated.connect() as reader:
        reader.execute(text("SELECT count(*) FROM tenders"))
        running: Future[None] = deployer.submit(upgrade_by, config, migrated)
        assert wait_for(said, "lets others through (try 1)").startswith("99999")
        for _ in range(3):  # behind an ALTER that waits for good this reader would wait as well
            with migrated.connect() as another:
                another.execute(text("SET LOCAL lock_timeout = '5s'"))
                another.execute(text("SELECT count(*) FROM tenders"))
        wait_for(said, "lets others through (try 2)")
        assert not running.done()
        assert current(migrated) == "9999"  # what was done is kept meanwhile
        reader.rollback()
        running.result(timeout=30)
    assert current(migrated) == "99999"


@postgresql_only
def test_a_relative_revision_is_counted_from_where_the_run_began(
    migrated: Engine, project: Path, said: "SimpleQueue[LogRecord]"
) -> None:
    config = two_more(project)
    (project / "alembic/versions/999999_next.py").write_text(
        "revision = '999999'\ndown_revision = '99999'\n\ndef upgrade():\n    raise AssertionError\n"
    )
    config.attributes["engine"] = migrated
    with ThreadPoolExecutor() as deployer, migrated.connect() as reader:
        reader.execute(text("SELECT count(*) FROM tenders"))
        running: Future[None] = deployer.submit(command.upgrade, config, "+2")
        wait_for(said, "lets others through")
        reader.rollback()
        running.result(timeout=30)
    assert current(migrated) == "99999"


@postgresql_only
def test_it_gives_up_in_the_end_and_keeps_nothing_of_the_revision(
    migrated: Engine, project: Path, catalog: Catalog
) -> None:
    config = next_revision(project, "op.add_column('users', sa.Column('first', sa.Integer()))", COLUMN)
    config.attributes[PATIENCE] = Patience(lock_timeout_seconds=0.05, give_up_after_seconds=0.3)
    before = catalog(migrated)
    with migrated.connect() as reader:
        reader.execute(text("SELECT count(*) FROM tenders"))
        with pytest.raises(
            MigrationBusyError, match=r"9999 did not get its locks in .* nothing of it was kept"
        ) as is_busy:
            upgrade_by(config, migrated)
    assert isinstance(is_busy.value, UnavailableError)
    assert is_busy.value.retryable
    assert catalog(migrated) == before
    assert current(migrated) == head()


@postgresql_only
def test_what_changes_no_rows_locks_no_other_table(migrated: Engine, project: Path) -> None:
    upgrade_by(next_revision(project, COLUMN, OTHERS_ARE_FREE), migrated)
    assert current(migrated) == "9999"


def test_nor_does_what_changes_rows_where_the_owner_has_its_policy(domain_postgresql: Database, project: Path) -> None:
    engine = domain_postgresql.migration_engine
    with domain_postgresql.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="a")
    upgrade_by(next_revision(project, EXCLAIM, OTHERS_ARE_FREE), engine)
    with domain_postgresql.get_session(organization_id=1) as session:
        assert TenderRepository(session).require(tender.id).title == "a!"


@postgresql_only
def test_a_concurrent_index_is_made_without_a_time_limit(migrated: Engine, project: Path, url_of: UrlOf) -> None:
    now = "op.get_bind().exec_driver_sql(\"SELECT current_setting('lock_timeout')\").scalar_one()"
    limited = make_engine(parse_url(f"{url_of(migrated)}?options=-c%20lock_timeout%3D77"))
    upgrade_by(
        next_revision(project, f"assert {now} == '77ms'", f"{OUTSIDE}assert {now} == '0'", f"assert {now} == '77ms'"),
        limited,
    )
    limited.dispose()
    assert current(migrated) == "9999"


@postgresql_only
def test_a_revision_that_fails_after_what_it_did_outside_its_transaction_says_what_stays(
    migrated: Engine, project: Path
) -> None:
    index = f"{OUTSIDE}op.create_index('ix_new', 'tenders', ['title'], postgresql_concurrently=True)"
    with pytest.raises(MigrationError, match=r"9999 .*up to the end of its autocommit_block stays: .*nowhere"):
        upgrade_by(next_revision(project, index, "op.execute('SELECT nothing FROM nowhere')"), migrated)
    assert current(migrated) == head()
    assert [line for line in check(migrated) if "ix_new" in line]


def test_rows_of_every_organization_are_filled_a_few_at_a_time(migrated: Engine, project: Path, url_of: UrlOf) -> None:
    two_tenders(url_of(migrated))
    upgrade_by(next_revision(project, IMPORT, FILL), migrated)
    assert current(migrated) == "9999"
    with migrated.connect() as connection:
        if migrated.dialect.name == "sqlite":
            assert set(connection.scalars(text("SELECT title FROM tenders"))) == {"full"}
            return
        connection.execute(text("ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY"))
        filled = connection.execute(text("SELECT title, xmin::text FROM tenders")).all()
    assert {title for title, _ in filled} == {"full"}
    assert len({transaction for _, transaction in filled}) == 2


@postgresql_only
def test_of_a_partitioned_table_only_rows_that_meet_the_condition_are_filled(migrated: Engine, project: Path) -> None:
    with migrated.begin() as connection:
        connection.execute(text("CREATE TABLE parted (part int, title text) PARTITION BY LIST (part)"))
        for part in (1, 2):
            connection.execute(text(f"CREATE TABLE parted_{part} PARTITION OF parted FOR VALUES IN ({part})"))
        connection.execute(text("INSERT INTO parted VALUES (1, 'old'), (2, 'kept')"))
    fill = "backfill('parted', \"title = 'new'\", where=\"title = 'old' OR title IS NULL\")"
    upgrade_by(next_revision(project, IMPORT, fill), migrated)
    with migrated.connect() as connection:
        assert list(connection.scalars(text("SELECT title FROM parted ORDER BY part"))) == ["new", "kept"]


@postgresql_only
def test_a_row_that_is_locked_is_filled_when_it_is_free(migrated: Engine, project: Path, url_of: UrlOf) -> None:
    two_tenders(url_of(migrated))
    config = next_revision(project, IMPORT, FILL)
    with ThreadPoolExecutor() as deployer, migrated.connect() as writer:
        writer.execute(text("LOCK TABLE tenders IN ROW EXCLUSIVE MODE"))
        running: Future[None] = deployer.submit(upgrade_by, config, migrated)
        with pytest.raises(TimeoutError):
            running.result(timeout=1)
        writer.rollback()
        running.result(timeout=30)
    assert titles(migrated) == "full,full"


def test_a_run_that_is_stopped_ends_between_two_statements_and_keeps_nothing_of_the_revision(
    migrated: Engine, project: Path, catalog: Catalog
) -> None:
    before = catalog(migrated)
    config = next_revision(project, COLUMN, STOP, "op.execute('SELECT nothing FROM nowhere')")
    with pytest.raises(MigrationError, match="stopped between two statements"):
        upgrade_by(config, migrated)
    assert catalog(migrated) == before
    assert current(migrated) == head()


@postgresql_only
def test_a_run_that_waits_for_another_or_for_a_lock_is_stopped_too(
    migrated: Engine, project: Path, said: "SimpleQueue[LogRecord]"
) -> None:
    for blocking, words in (
        (f"SELECT pg_advisory_xact_lock({int.from_bytes(b'domain')})", "another run is under way"),
        ("SELECT count(*) FROM tenders", "lets others through"),
    ):
        config, stop = next_revision(project, COLUMN), threading.Event()
        config.attributes[PATIENCE] = Patience(stop=stop)
        with ThreadPoolExecutor() as deployer, migrated.connect() as holder:
            holder.execute(text(blocking))
            running: Future[None] = deployer.submit(upgrade_by, config, migrated)
            wait_for(said, words)
            stop.set()
            with pytest.raises(MigrationError, match="stopped"):
                running.result(timeout=30)
        assert current(migrated) == head()


@postgresql_only
def test_an_application_with_a_pool_of_one_connection_migrates(empty: Engine, url_of: UrlOf) -> None:
    narrow = make_engine(parse_url(url_of(empty)), pool_size=1, max_overflow=0, pool_timeout=1)
    upgrade(narrow)
    assert check(narrow) == []
    narrow.dispose()
