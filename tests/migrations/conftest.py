import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from domain import (
    BidDocument,
    BidDocumentRepository,
    Database,
    Organization,
    OrganizationRepository,
    Tender,
    TenderRepository,
)
from domain.config import parse_url
from domain.kit.database.engines import make_engine
from domain.migrations import head
from domain.testing import Cluster, build
from domain.testing.cluster import OWNER

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The test runs once on each engine."""
    return str(request.param)


@pytest.fixture
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    """Makes empty databases of a kind, reached as their owner."""
    numbers = count()

    def make(kind: str) -> Engine:
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path}/{next(numbers)}.db"
        else:
            cluster: Cluster = request.getfixturevalue("domain_cluster")
            name = cluster.create()
            closing.callback(cluster.drop, name)
            url = cluster.url(name, OWNER)
        engine = make_engine(parse_url(url))
        closing.callback(engine.dispose)
        return engine

    with ExitStack() as closing:
        yield make


@pytest.fixture
def new_database(make_database: Callable[[str], Engine], kind: str) -> Callable[[], Engine]:
    return lambda: make_database(kind)


@pytest.fixture
def empty(new_database: Callable[[], Engine]) -> Engine:
    return new_database()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to change."""
    folder = tmp_path / "project"
    for name in ("domain", "alembic"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alembic.ini", "mypy.ini", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


def next_revision(project: Path, *steps: str, back: str = "pass") -> Config:
    """A revision after the head, in a copy of the project's migrations."""
    body = "\n    ".join(steps)
    (project / "alembic/versions/9999_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nfrom domain.migrations import ReplaceOp\n\n"
        f"revision = '9999'\ndown_revision = '{head()}'\n\n\n"
        f"def upgrade():\n    {body}\n\n\ndef downgrade():\n    {back}\n"
    )
    config = Config()
    config.set_main_option("script_location", str(project / "alembic"))
    return config


def upgrade_by(config: Config, engine: Engine) -> None:
    """Apply the revisions."""
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def a_tender_with_a_bid(url: str) -> None:
    """Of an organization that is made for it."""
    with Database(url) as database, database.get_session() as session:
        organization = OrganizationRepository(session).add(build(Organization))
        tender = TenderRepository(session).add(build(Tender, organization_id=organization.id))
        BidDocumentRepository(session).add(build(BidDocument, organization_id=organization.id, tender_id=tender.id))


@pytest.fixture
def python() -> Callable[..., str]:
    """Runs ``python <arguments>`` in a folder, and gives what it printed; where it ``fails``, the errors as well."""

    def run(*arguments: str, cwd: Path, path: tuple[Path, ...] = (), fails: bool = False, **settings: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1", **settings}
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        everything = ended.stdout + ended.stderr
        assert bool(ended.returncode) is fails, everything
        return everything if fails else ended.stdout

    return run


@pytest.fixture
def alembic(python: Callable[..., str]) -> Callable[..., str]:
    """Runs several commands of Alembic in one process: ``alembic(folder, (engine, "upgrade", "head"), ...)``."""

    def run(folder: Path, *commands: tuple[Engine | str, ...], path: tuple[Path, ...] = ()) -> str:
        lines = [
            ["-x", f"database_url={engine.url.render_as_string(hide_password=False)}", *words]
            for engine, *words in commands
            if isinstance(engine, Engine)
        ]
        return python("-c", _COMMANDS, json.dumps(lines), cwd=folder, path=path)

    return run


_COMMANDS = """
import json, sys
from alembic.config import main
for arguments in json.loads(sys.argv[1]):
    main(arguments)
"""


@pytest.fixture
def url_of() -> Callable[[Engine], str]:
    return lambda engine: engine.url.render_as_string(hide_password=False)


@pytest.fixture
def catalog() -> Callable[[Engine], set[str]]:
    """Everything that a database holds but rows, a line each, without Alembic's own tables."""

    def lines(engine: Engine) -> set[str]:
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                rows = connection.execute(text(_SQLITE)).all()
            return {f"{name}: {item}" for name, sql in rows for item in _items(sql)}
        with engine.connect() as connection:
            found = {str(line) for line in connection.scalars(text(_POSTGRESQL))}
        return {line for line in found if "_version" not in line}

    return lines


_SQLITE = (
    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'"
    " AND name NOT LIKE '%\\_version' ESCAPE '\\'"
)

_POSTGRESQL = """
    SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                     pg_get_expr(d.adbin, d.adrelid), NULLIF(a.attidentity, ''))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT concat_ws(' ', relname, relkind, relrowsecurity, relforcerowsecurity)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', tablename, policyname, permissive, roles, cmd, qual, with_check) FROM pg_policies
    UNION ALL
    SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""


def _items(sql: str) -> Iterator[str]:
    """The columns and constraints of a CREATE TABLE, in any order and however they are spaced; else the whole."""
    sql = re.sub(r"DEFAULT \(([^()]*)\)", r"DEFAULT \1", " ".join(sql.split()))
    if not sql.startswith("CREATE TABLE"):
        yield sql
        return
    depth, start = 0, sql.index("(") + 1
    for position, character in enumerate(sql):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if (character == "," and depth == 1) or (character == ")" and depth == 0):
            yield sql[start:position].strip()
            start = position + 1
