"""``domain db``."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from threading import Timer

import pytest
from sqlalchemy import create_engine, text

from domain import Database, DuplicateError
from domain.migrations import current, head
from domain.migrations.transaction import LOCK
from domain.testing import Cluster
from domain.testing.cluster import OWNER
from tests.support.databases import superuser_url

Run = Callable[..., CompletedProcess[str]]


def test_upgrade_brings_an_empty_file_to_the_newest_revision(run: Run, tmp_path: Path) -> None:
    done = run("db", "upgrade", "--database-url", "sqlite:///new.db")
    assert done.returncode == 0
    assert done.stdout == f"sqlite:///new.db went from no revision to {head()}\n"
    with Database(f"sqlite:///{tmp_path / 'new.db'}") as db:
        assert current(db.engine) == head()


def test_upgrade_of_what_is_up_to_date_does_nothing(run: Run) -> None:
    run("db", "upgrade")
    done = run("db", "upgrade")
    assert done.returncode == 0
    assert done.stdout.endswith(f"was at {head()} already\n")


def test_an_unknown_revision_is_a_usage_error(run: Run) -> None:
    done = run("db", "upgrade", "nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr.splitlines()[-1]


def test_the_default_is_the_file_in_this_folder_and_it_says_so(run_process: Run, tmp_path: Path) -> None:
    done = run_process("db", "upgrade")
    assert done.returncode == 0
    assert str(tmp_path / "domain.db") in done.stderr
    assert (tmp_path / "domain.db").exists()


def test_current_is_exit_1_where_the_schema_is_behind(run: Run) -> None:
    done = run("db", "current", "--database-url", "sqlite:///new.db")
    assert done.returncode == 1
    assert "run `domain db upgrade`" in done.stdout


def test_current_and_check_are_exit_0_on_a_migrated_database(run: Run, exported: Database) -> None:
    at = run("db", "current")
    assert (at.returncode, at.stderr) == (0, "")
    assert f"is at {head()}, the newest" in at.stdout
    same = run("db", "check")
    assert (same.returncode, same.stderr) == (0, "")


@pytest.mark.parametrize("command", ["upgrade", "current", "check"])
def test_the_database_is_named_without_login_and_password(
    command: str, run: Run, exported_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = exported_postgresql.engine.url
    hidden = url.set(password=None).update_query_dict({"password": "hid1", "sslpassword": "hid2"})
    monkeypatch.setenv("DATABASE_URL", hidden.render_as_string(hide_password=False))
    printed = run("db", command)
    assert f"postgresql://{url.host}:{url.port}/{url.database} " in printed.stdout
    for secret in ("hid1", "hid2", str(url.username)):
        assert secret not in printed.stdout + printed.stderr


def test_check_lists_differences_with_exit_1(run: Run, exported: Database) -> None:
    with exported.migration_engine.begin() as connection:
        connection.execute(text("ALTER TABLE tenders ADD COLUMN added_by_hand INTEGER"))
    done = run("db", "check")
    assert done.returncode == 1
    assert "1 difference:" in done.stdout
    assert "added_by_hand" in done.stdout


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Names a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    cluster: Cluster = request.getfixturevalue("domain_cluster")
    name = cluster.create()
    yield cluster.url(name, OWNER)
    cluster.drop(name)


def started(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "domain", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_two_deployers_one_migrates_and_the_other_finds_it_done(empty_url: str) -> None:
    deployers = [started("db", "upgrade", "--database-url", empty_url) for _ in range(2)]
    said = sorted(deployer.communicate(timeout=60)[0].partition(" ")[2] for deployer in deployers)
    assert [deployer.returncode for deployer in deployers] == [0, 0]
    assert said[0] == f"was at {head()} already\n"
    assert said[1].endswith(f" to {head()}\n")


def test_upgrade_says_which_revision_runs(run: Run, empty_url: str) -> None:
    done = run("db", "upgrade", "--database-url", empty_url)
    assert done.returncode == 0
    first, last = done.stderr.splitlines()[-2:]
    assert first == f"{head()} initial schema"
    assert last.startswith(f"{head()} initial schema done in ")


def test_downgrade_does_nothing_until_it_is_told_to(run: Run, empty_url: str) -> None:
    run("db", "upgrade", "--database-url", empty_url)
    looked = run("db", "downgrade", "base", "--database-url", empty_url)
    assert looked.returncode == 0
    assert f"stays at {head()}: --execute goes back" in looked.stdout
    assert run("db", "current", "--database-url", empty_url).returncode == 0
    done = run("db", "downgrade", "--execute", "base", "--database-url", empty_url)
    assert done.returncode == 0
    assert done.stdout.endswith(f" went from {head()} to no revision\n")
    assert run("db", "current", "--database-url", empty_url).returncode == 1


def test_a_run_that_waits_for_another_is_stopped_by_sigterm(domain_cluster: Cluster) -> None:
    name = domain_cluster.create()
    with Database(domain_cluster.url(name, OWNER)) as db:
        with db.engine.connect() as other:
            other.exec_driver_sql(LOCK)
            deployer = started("db", "upgrade", "--database-url", domain_cluster.url(name, OWNER))
            assert deployer.stderr is not None
            assert "another run is under way" in deployer.stderr.readline()
            deployer.send_signal(signal.SIGTERM)
            _, said = deployer.communicate(timeout=30)
        assert deployer.returncode == 128 + signal.SIGTERM
        assert said.splitlines()[0] == "stopping after this statement"
        assert "stopped between two statements" in said
        assert current(db.engine) is None
    domain_cluster.drop(name)


def test_upgrade_waits_for_a_database_that_takes_no_connections_yet(run: Run, domain_cluster: Cluster) -> None:
    name = domain_cluster.create()
    server = create_engine(superuser_url(domain_cluster, "postgres"), isolation_level="AUTOCOMMIT")

    def limit(connections: int) -> None:
        with server.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT {connections}"))

    limit(0)
    Timer(1, limit, [-1]).start()
    done = run("db", "upgrade", "--database-url", domain_cluster.url(name, OWNER))
    assert done.returncode == 0
    assert done.stderr.startswith("waiting for postgresql://")
    assert done.stdout.endswith(f" went from no revision to {head()}\n")
    server.dispose()
    domain_cluster.drop(name)


@pytest.mark.parametrize("wait", [0, 60])
def test_upgrade_waits_for_a_file_that_another_writes_to(wait: int, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "busy.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("BEGIN IMMEDIATE")
        free = Timer(1, writer.rollback)
        if wait:
            free.start()
        done = run("db", "upgrade", "--wait", wait, "--database-url", f"sqlite:///{file}")
        if not wait:
            writer.rollback()
    writer.close()
    assert done.returncode == (0 if wait else 3)
    assert ("busy with another writer" in done.stderr) is not bool(wait)


def test_a_database_that_can_not_be_reached_is_waited_for_and_then_named_as_such(run: Run) -> None:
    done = run("db", "upgrade", "--wait", 1, "--database-url", "postgresql://a:secret@localhost:1/shop")
    assert done.returncode == 3
    assert done.stderr.splitlines()[0].startswith("waiting for postgresql://localhost:1/shop: ")
    assert "secret" not in done.stderr
    done = run("db", "upgrade", "--wait", 0, "--database-url", "postgresql://a:secret@localhost:1/shop")
    assert done.returncode == 3
    assert "waiting" not in done.stderr


def revision(folder: Path, step: str) -> None:
    (folder / "versions").mkdir(parents=True)
    (folder / "versions/1.py").write_text(
        "from alembic import op\n\nrevision = '1'\ndown_revision = None\n\n\n"
        f"def upgrade():\n    {step}\n\n\ndef downgrade():\n    pass\n"
    )


def test_lint_says_what_to_write_instead_with_exit_1(run: Run, tmp_path: Path) -> None:
    revision(tmp_path / "scripts", "op.drop_column('tenders', 'title')")
    done = run("db", "lint", "scripts")
    assert done.returncode == 1
    assert done.stdout.startswith("1: drop: ALTER TABLE tenders DROP COLUMN title\n  the release that is running")
    assert done.stdout.endswith("scripts: 1 refusal\n")
    document = json.loads(run("db", "lint", "scripts", "--json").stdout)
    assert [refusal["rule"] for refusal in document["refused"]] == ["drop"]


def test_lint_of_a_clean_tree_is_exit_0(run: Run, tmp_path: Path) -> None:
    revision(tmp_path / "scripts", "pass")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/scripts\n")
    done = run("db", "lint")
    assert (done.returncode, done.stdout) == (0, "alembic.ini: 0 refusals\n")
    assert run("db", "lint", "nowhere").returncode == 2


def test_repair_makes_an_invalid_index_anew(run: Run, exported: Database) -> None:
    if exported.is_sqlite:
        assert run("db", "repair").stdout.endswith(": 0 indexes repaired\n")
        return
    leave_invalid(exported, "CREATE UNIQUE INDEX CONCURRENTLY ux_kinds ON kinds (kind)")
    refused = run("db", "repair")
    assert refused.returncode == 2
    assert "the index ux_kinds can't be made: " in refused.stderr
    with exported.migration_engine.begin() as connection:
        connection.execute(text("DELETE FROM kinds WHERE ctid <> (SELECT min(ctid) FROM kinds)"))
    done = run("db", "repair")
    assert done.returncode == 0
    assert "ux_kinds" in done.stdout.split()
    assert run("db", "repair").stdout.endswith(": 0 indexes repaired\n")
    with exported.migration_engine.connect() as connection:
        indexes = text("SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'kinds'::regclass")
        assert connection.execute(indexes).all() == [("ux_kinds", True)]


def leave_invalid(database: Database, index: str) -> None:
    """Make an index over rows that are not unique."""
    with database.migration_engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE TABLE kinds (kind text)"))
        connection.execute(text("INSERT INTO kinds VALUES ('a'), ('a')"))
        with pytest.raises(DuplicateError):
            connection.execute(text(index))
