"""``domain db dump`` and ``domain db restore``; what they do is tested in tests/deployment."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from domain import Database
from domain.testing import Cluster
from domain.testing.binaries import find_binaries
from domain.testing.cluster import OWNER

Run = Callable[..., CompletedProcess[str]]


def test_a_dump_is_restored_into_an_empty_database(
    run: Run, exported: Database, domain_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(find_binaries()), os.environ["PATH"])))
    empty = "sqlite:///restored.db" if exported.is_sqlite else domain_cluster.url(domain_cluster.create(), OWNER)
    done = run("db", "dump", "backup")
    assert (done.returncode, done.stderr) == (0, "")
    assert " tables are in backup" in done.stdout
    assert run("db", "restore", "backup").returncode == 2
    done = run("db", "restore", "backup", "--database-url", empty)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is restored; `domain doctor` looks at the result" in done.stdout
    with Database(empty) as database, database.get_session(organization_id=1) as session:
        assert session.organization_id == 1
        assert str(database.migration_engine.url.database) in done.stdout
    assert run("db", "current", "--database-url", empty).returncode == 0
    if not exported.is_sqlite:
        domain_cluster.drop(str(database.engine.url.database))


def test_what_can_not_be_done_is_said_in_a_line(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade")
    (tmp_path / "backup").touch()
    done = run("db", "dump", "backup")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "domain: no dump was made: backup is there already"
    assert "nothing was restored" in run("db", "restore", "missing", "--database-url", "sqlite:///new.db").stderr
