"""The guide to an entity of this package (docs/3-extending.md), step by step on a copy of the project."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.migrations import upgrade
from tests.docs.blocks import blocks, write_file

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/3-extending.md"

USE = """
import sys
from collections.abc import Sequence
from typing import assert_type

from domain import Database, OrganizationRepository, TenderRepository
from domain.contracts.model import Contract, ContractPatch
from domain.repositories import ContractRepository


def use(database: Database) -> None:
    with database.get_session() as session:
        organization = OrganizationRepository(session).create(name="A", slug="a")
    with database.get_session(organization_id=organization.id) as session:
        tender = TenderRepository(session).create(title="Bridge")
        contracts = ContractRepository(session)
        contract = assert_type(contracts.create(tender_id=tender.id, number="1"), Contract)
        assert assert_type(contracts.require(contract.id), Contract).number == "1"
        assert_type(contracts.find(), Sequence[Contract])
        contracts.update(contract.id, ContractPatch.model_validate({"number": "2"}))
    with database.get_session(organization_id=organization.id) as session:
        contracts = ContractRepository(session)
        assert [contract.number for contract in contracts.find()] == ["2"]
        assert TenderRepository(session).soft_delete(tender.id)
        assert contracts.count() == 0


def misuse(contracts: ContractRepository) -> None:
    contracts.create(tender_id=1, number=5)  # type: ignore[arg-type]  # refused: a text is wanted
    contracts.create(tender_id=1)  # type: ignore[call-arg]  # refused: the number is missing


for url in sys.argv[1:]:
    with Database(url) as database:
        use(database)
"""
SUITES = ("every_method", "plans", "statement_counts")


def follow_the_guide(project: Path) -> None:
    for block in blocks(GUIDE):
        if block.title and block.title.startswith("domain/"):
            write_file(block, project)
        elif block.language == "diff":
            (line,) = re.findall(r"^\+(from .+\n)", block.code, re.MULTILINE)
            file = project / "domain/repositories.py"
            file.write_text(file.read_text().replace("from .costs", f"{line}from .costs", 1))
    file, listed = project / "pyproject.toml", '    "domain.deployment",\n'
    said = file.read_text().replace(listed, f'    "domain.contracts",\n{listed}', 1)
    file.write_text(said.replace('"analyses | ', '"contracts | analyses | ', 1))  # the linter refuses to miss one
    version = project / "domain/version.py"
    version.write_text(version.read_text().replace('"0001"', '"0002"'))


@pytest.mark.slow
def test_a_new_entity_is_one_folder_one_line_and_one_revision(
    make_database: Callable[[str], Engine],
    project: Path,
    alembic: Callable[..., str],
    python: Callable[..., str],
    url_of: Callable[[Engine], str],
) -> None:
    databases = [make_database(kind) for kind in ("postgresql", "sqlite")]
    for engine in databases:
        upgrade(engine)
    follow_the_guide(project)

    use = [(engine, *words) for engine in databases for words in (("upgrade", "head"), ("check",))]
    alembic(project, (databases[0], "revision", "--autogenerate", "--rev-id", "0002", "-m", "contracts"), *use)
    (project / "use.py").write_text(USE)
    python("use.py", *map(url_of, databases), cwd=project)
    said = python("-m", "mypy", "--strict", "--config-file=", "--cache-dir=types", "use.py", cwd=project)
    assert said == "Success: no issues found in 1 source file\n"
    python("-m", "ruff", "check", "--no-cache", "domain", "alembic", cwd=project)
    python("-m", "ruff", "format", "--no-cache", "--check", "domain", "alembic", cwd=project)
    python("-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())", cwd=project)


@pytest.mark.slow
def test_the_suites_over_every_model_take_a_new_entity_in_without_a_list(
    project: Path, alembic: Callable[..., str], make_database: Callable[[str], Engine], python: Callable[..., str]
) -> None:
    engine = make_database("sqlite")
    upgrade(engine)
    follow_the_guide(project)
    alembic(project, (engine, "revision", "--autogenerate", "--rev-id", "0002", "-m", "contracts"))
    shutil.copytree(ROOT / "tests", project / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    files = [f"tests/repositories/test_{name}.py" for name in SUITES]
    # That one makes parents that are not stored for tables with one row a parent alone, which contracts are not.
    apart = ("-k", "not below_one_that_is_not_there")
    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-rN", *apart, *files, cwd=project)
    assert re.search(r"^\d+ passed", said.splitlines()[-1]), said
    listed = python("-m", "pytest", "--collect-only", "-q", "-p", "no:xdist", *files, cwd=project)
    for name in ("every_method", "plans"):
        assert re.search(rf"test_{name}\.py.*ontract", listed), name
