import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import alembic as alembic_package
import pytest
from sqlalchemy import Engine, inspect

from domain.migrations import MigrationError, check, current, downgrade, head, upgrade

ROOT = Path(__file__).parents[2]

Catalog = Callable[[Engine], set[str]]
Python = Callable[..., str]
Alembic = Callable[..., str]
UrlOf = Callable[[Engine], str]

OPEN = """
import sys
from pathlib import Path
import domain
from domain import *
from domain.config import parse_url
from domain.kit.database.engines import make_engine
from domain.migrations import check, current, head, upgrade
assert Path(domain.__file__).is_relative_to(sys.argv[1]), domain.__file__
engine = make_engine(parse_url(sys.argv[2]))
"""

USE = """
from decimal import Decimal
import workshop.models
from workshop import InvoiceRepository, InvoiceStatus

with Database(sys.argv[2]) as database:
    with database.get_session() as session:
        organization = OrganizationRepository(session).create(name="A", slug="a")
        tender = TenderRepository(session).create(organization_id=organization.id, title="Bridge")
        invoice = InvoiceRepository(session).create(tender_id=tender.id, number="1", amount=Decimal("999999.5"))
    with database.get_session(organization_id=organization.id) as session:
        invoices = InvoiceRepository(session)
        assert invoices.require(invoice.id).amount == Decimal("999999.5")
        invoices.require(invoice.id).status = InvoiceStatus.PAID
    with database.get_session(organization_id=organization.id) as session:
        invoices = InvoiceRepository(session)
        assert [row.status for row in invoices.find()] == [InvoiceStatus.PAID]
    try:
        with database.get_session(organization_id=organization.id) as session:
            InvoiceRepository(session).create(tender_id=tender.id, number="1", amount=Decimal(1))
        raise AssertionError("the number is taken")
    except DuplicateError as error:
        assert (error.entity, error.fields) == ("Invoice", ("number",))
    with database.get_session(organization_id=organization.id) as session:
        assert InvoiceRepository(session).soft_delete(invoice.id)
        assert InvoiceRepository(session).count() == 0
assert check(engine) == []
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the distribution installs, and nothing else."""
    source, installed = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("domain", "alembic"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")):
        shutil.copy(file, source)
    run(source, "build", "--wheel", "--no-isolation", "--outdir=dist")
    (file,) = source.glob("dist/*.whl")
    run(source, "pip", "install", "--quiet", "--no-deps", "--no-index", f"--target={installed}", str(file))
    return installed


def run(folder: Path, *arguments: str) -> None:
    ended = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The example application, as it is shipped."""
    folder = tmp_path / "application"
    shutil.copytree(ROOT / "examples/application", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_wheel_carries_its_types_its_licence_and_a_skill_for_agents(wheel: Path) -> None:
    (metadata,) = wheel.glob("procurement_domain-*.dist-info/METADATA")
    assert {"License-Expression: MIT", "License-File: LICENSE"} <= set(metadata.read_text().splitlines())
    assert (metadata.parent / "licenses/LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (wheel / "domain/py.typed").exists()
    (skill,) = wheel.glob("domain/.agents/skills/*/SKILL.md")
    assert skill.read_text().startswith(f"---\nname: {skill.parent.name}\ndescription: ")


def test_the_wheel_migrates_without_the_repository(
    empty: Engine, wheel: Path, tmp_path: Path, python: Python, url_of: UrlOf
) -> None:
    script = f"{OPEN}upgrade(engine)\nassert current(engine) == head() and check(engine) == []"
    python("-c", script, str(wheel), url_of(empty), cwd=tmp_path, path=(wheel,))
    assert check(empty) == []


def test_an_application_has_tables_repositories_and_migrations_of_its_own(
    empty: Engine, wheel: Path, application: Path, python: Python, alembic: Alembic, url_of: UrlOf, catalog: Catalog
) -> None:
    upgrade(empty)
    ours = catalog(empty)
    alembic(application, (empty, "upgrade", "head"), (empty, "check"), path=(wheel,))
    assert ours < catalog(empty)
    assert {"domain_version", "workshop_version"} < set(inspect(empty).get_table_names())
    python("-c", OPEN + USE, str(wheel), url_of(empty), cwd=application, path=(wheel,))
    assert check(empty) == []
    with pytest.raises(MigrationError, match=r"the database is at 0001: cannot drop table tenders|nothing was changed"):
        downgrade(empty, "base")  # under the application's tables
    assert current(empty) == head()
    alembic(application, (empty, "downgrade", "base"), path=(wheel,))
    assert catalog(empty) == ours


def test_an_application_generates_its_own_tables_only_with_the_stock_template(
    empty: Engine, wheel: Path, application: Path, alembic: Alembic
) -> None:
    upgrade(empty)
    stock = Path(alembic_package.__file__).parent / "templates/generic/script.py.mako"
    shutil.copy(stock, application / "migrations")
    for shipped in application.glob("migrations/versions/*.py"):
        shipped.unlink()
    again = (empty, "revision", "--autogenerate", "-m", "again")
    first = (empty, "revision", "--autogenerate", "-m", "first")
    alembic(application, first, (empty, "upgrade", "head"), (empty, "check"), again, path=(wheel,))
    (revision,) = (file.read_text() for file in application.glob("migrations/versions/*_first.py"))
    (nothing,) = (file.read_text() for file in application.glob("migrations/versions/*_again.py"))
    assert re.findall(r"op\.(\w+_table)\(\s*'(\w+)'", revision) == [
        ("create_table", "invoices"),
        ("batch_alter_table", "invoices"),
        ("batch_alter_table", "invoices"),
        ("drop_table", "invoices"),
    ]
    assert "['tenders.organization_id', 'tenders.id']" in revision
    assert "op." not in nothing.replace("from alembic import op", "")


def test_our_own_autogenerate_leaves_an_applications_tables_alone(
    empty: Engine, wheel: Path, application: Path, project: Path, alembic: Alembic
) -> None:
    upgrade(empty)
    alembic(application, (empty, "upgrade", "head"), path=(wheel,))
    env = project / "alembic/env.py"
    env.write_text(f"import workshop.models\n{env.read_text()}")  # in the shared metadata, too
    alembic(project, (empty, "check"), (empty, "revision", "--autogenerate", "-m", "nothing"), path=(application,))
    (revision,) = (file.read_text() for file in project.glob("alembic/versions/*_nothing.py"))
    assert "op." not in revision
