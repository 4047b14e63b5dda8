"""``domain stats``."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from domain import Database, Tender, TenderRepository
from domain.cli.stats import count_rows
from domain.kit.records import SystemAccess
from tests.support.statements import recorded

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def filled(exported: Database) -> Database:
    """Three tenders and a deleted one of the first organization, none of the second."""
    with exported.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        rows = tenders.create_many([Tender(title=f"Bridge {number}") for number in range(4)])
        tenders.soft_delete(rows[0].id)
    return exported


def test_live_and_deleted_rows_stand_beside_their_organization_and_table(run: Run, filled: Database) -> None:
    done = run("stats")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    # Four tenders made and one deleted; of the organization itself, that it was made.
    assert ["first", "1", "audit_entries", "6", "0"] in lines
    assert ["tenders", "3", "1"] in lines
    assert ["second", "2", "audit_entries", "1", "0"] in lines
    assert ["2", "organizations", "audit_entries", "7", "0"] in lines


def test_the_number_of_statements_does_not_grow_with_the_organizations(filled: Database) -> None:
    with filled.system_session(actor="tests", reason="counting") as system:
        engine = system.get_bind()
        assert isinstance(engine, Engine)
        with recorded(engine) as few:
            rows = count_rows(system)
    assert rows
    assert len(few) == 1


def test_its_look_across_organizations_is_on_record(run: Run, filled: Database) -> None:
    run("stats")
    with filled.system_session(actor="tests", reason="reading the record") as system:
        actors = {access.actor for access in system.exec(select(SystemAccess))}
    assert "domain stats" in actors


def test_without_a_system_login_it_says_what_to_set(run: Run, exported_postgresql: Database) -> None:
    done = run("stats")
    assert done.returncode == 2
    assert "set SYSTEM_DATABASE_URL" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_application_s_own_tables_are_counted_too(run_process: Run, run: Run, tmp_path: Path) -> None:
    (tmp_path / "shop_models.py").write_text(
        "from domain import TenantEntity\n\n\nclass Note(TenantEntity, table=True):\n"
        '    __tablename__ = "notes"\n    text: str\n'
    )
    (tmp_path / "fill.py").write_text(
        "from domain import Database, OrganizationRepository\nfrom shop_models import Note\n"
        "with Database('sqlite:///shop.db') as db:\n"
        "    db.create_all()\n"
        "    with db.get_session() as session:\n"
        "        OrganizationRepository(session).create(name='Acme', slug='acme')\n"
        "    with db.get_session(organization_id=1) as session:\n"
        "        session.add(Note(text='call them'))\n"
    )
    filled = run_process(python=("fill.py",))
    assert filled.returncode == 0, filled.stderr
    done = run_process("stats", "--models", "shop_models", "--database-url", "sqlite:///shop.db")
    assert done.returncode == 0, done.stderr
    assert ["notes", "1", "0"] in [line.split() for line in done.stdout.splitlines()]


def test_models_that_cannot_be_imported_are_a_usage_error(run: Run) -> None:
    done = run("stats", "--models", "no_such_module")
    assert done.returncode == 2
    assert "no_such_module" in done.stderr
