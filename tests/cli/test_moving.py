"""``domain export``, ``load`` and ``erase``."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from sqlalchemy import text

from domain import Database, OrganizationRepository, Tender, TenderRepository

Run = Callable[..., CompletedProcess[str]]


def titles(database: Database) -> list[str]:
    with database.migration_engine.connect() as connection:
        return sorted(connection.execute(text("SELECT title FROM tenders")).scalars())


def test_an_organization_is_exported_erased_and_loaded(run: Run, exported: Database, tmp_path: Path) -> None:
    for organization_id in (1, 2):
        with exported.get_session(organization_id=organization_id) as session:
            rows = [Tender(title=f"Bridge {organization_id}"), Tender(title="Quay")]
            tenders = TenderRepository(session)
            tenders.soft_delete(tenders.create_many(rows)[1].id)
    done = run("export", tmp_path / "out", "--organization", "first")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("first: 3 rows of ")
    done = run("erase", "--organization", "first")
    assert (done.returncode, done.stderr) == (0, "")
    assert "rows would go" in done.stdout
    assert titles(exported) == ["Bridge 1", "Bridge 2", "Quay", "Quay"]
    done = run("erase", "--organization", "first", "--execute")
    assert (done.returncode, done.stderr) == (0, "")
    assert "none is left" in done.stdout
    assert ["2", "tenders"] in [line.split() for line in done.stdout.splitlines()]
    assert titles(exported) == ["Bridge 2", "Quay"]
    done = run("load", tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr) == (0, "first: 3 rows are loaded\n", "")
    assert titles(exported) == ["Bridge 1", "Bridge 2", "Quay", "Quay"]


def test_what_can_not_be_done_is_said(run: Run, exported: Database, tmp_path: Path) -> None:
    for arguments, said in (
        (("export", tmp_path / "out", "--organization", "nobody"), "no live organization 'nobody'"),
        (("export", ".", "--organization", "first"), ". is there already"),
        (("export", "/", "--organization", "first"), "/ is there already"),
        (("erase", "--organization", "nobody", "--execute"), "no organization 'nobody'"),
        (("load", tmp_path / "out"), "is no finished archive"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert said in done.stderr
    with exported.get_session(organization_id=1) as session:
        assert OrganizationRepository(session).require(1).slug == "first"
