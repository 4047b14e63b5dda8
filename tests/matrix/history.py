"""What happens to all tables of the matrix at once: their migrations, back and forth; an erasure, and a purge."""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, Table, inspect, update

from domain import Database, DomainModel, OrganizationRepository, UserRepository, utcnow
from domain.kit.model.names import NAMING
from domain.kit.schema.beside import faults
from domain.migrations import upgrade
from domain.migrations.differences import described
from domain.migrations.trees import application_tree, domain_tables
from domain.retention import erase_user, purge
from tests.matrix.bench import Bench
from tests.matrix.kinds import WORKING, Kind, made
from tests.support.throwaway import throwaway

Shown = Mapping[str, Mapping[str, object]]  # a row's columns as texts, by the kind
ANN = "ann@example.org"
_ENV = """\
from alembic import context
from domain.migrations import run_env

run_env(context.config.attributes["metadata"])
"""
_TEMPLATE = """\
import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades}


def downgrade():
    ${downgrades}
"""


@dataclass(frozen=True)
class Migrated:
    """Rows of the first revision's tables at each step, and ``differences`` at the last; ``bench`` is there again."""

    bench: Bench
    first: Shown
    upgraded: Shown
    downgraded: Shown
    left: Mapping[str, set[str]]
    differences: Sequence[str]


@contextmanager
def migrated(database: Database, folder: Path, grant: Callable[[], None]) -> Generator[Migrated]:
    """Take an upgraded, empty database through the revisions of an application. The classes last as long."""
    engine = database.migration_engine
    with throwaway():
        bench = Bench(database, {kind.name: made(kind, has_maybe=False) for kind in WORKING})
        _revise(_config(folder, engine, alone(bench.tables)), "first")
        grant()
        ids = {kind.name: bench.added(kind, kind.first) for kind in WORKING}
        first = _shown(bench, ids)
    with throwaway():
        bench = Bench(database, {kind.name: made(kind) for kind in WORKING})
        metadata = alone(bench.tables)
        config = _config(folder, engine, metadata)
        _revise(config, "second")
        upgraded = _shown(bench, ids)
        command.downgrade(config, "first")
        downgraded = _shown(bench, ids)
        command.downgrade(config, "base")
        left = columns(engine, bench.tables)
        command.upgrade(config, "head")
        grant()
        yield Migrated(bench, first, upgraded, downgraded, left, differences(engine, metadata, bench.tables))


def _revise(config: Config, name: str) -> None:
    """Generate the revision that leads to the configured tables, and apply it."""
    command.revision(config, name, autogenerate=True, rev_id=name)
    command.upgrade(config, "head")


def _config(folder: Path, engine: Engine, metadata: MetaData) -> Config:
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(_ENV)
    (folder / "script.py.mako").write_text(_TEMPLATE)
    config = Config(stdout=StringIO())
    config.set_main_option("script_location", str(folder))
    config.attributes.update(engine=engine, metadata=metadata)
    return config


def alone(tables: Sequence[Table]) -> MetaData:
    """Only these tables, beside this package's: other tests have theirs."""
    metadata = MetaData(naming_convention=NAMING)
    for table in (*domain_tables(), *tables):
        table.to_metadata(metadata)
    return metadata


def _shown(bench: Bench, ids: Mapping[str, int]) -> Shown:
    return {kind.name: bench.stored(kind, ids[kind.name]) for kind in WORKING}


def differences(engine: Engine, metadata: MetaData, tables: Sequence[Table]) -> list[str]:
    """What autogenerate would write, and what stands beside a table otherwise than it should; a line each."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=application_tree(metadata, "alembic_version"))
        beside = [said for _, _, said in faults(connection, tables)]
        return [*described(compare_metadata(context, metadata)), *beside]


def columns(engine: Engine, tables: Sequence[Table]) -> Mapping[str, set[str]]:
    """The columns that the database has, of those tables that it has."""
    there = inspect(engine)
    names = {table.name for table in tables} & set(there.get_table_names())
    return {name: {column["name"] for column in there.get_columns(name)} for name in names}


@dataclass(frozen=True)
class Aged:
    """``deleted_by`` of rows that an erased person had deleted; the ids of those that were purged, and of others."""

    deleted_by: Mapping[str, object]
    purged: Mapping[str, int]
    kept: Mapping[str, int]


def aged(bench: Bench) -> Aged:
    """Delete a row of each kind as somebody who is then erased, and purge it."""
    database = bench.database
    with database.get_session(organization_id=1) as session:
        ann = UserRepository(session).create(email=ANN, hashed_password="x", full_name="Ann").id
    kept, purged = ({kind.name: bench.added(kind, kind.first) for kind in WORKING} for _ in range(2))
    for kind in WORKING:
        with bench.rows(kind, actor=ANN) as rows:
            assert rows.soft_delete(purged[kind.name])
    erase_user(database, organization_id=1, user_id=ann, actor="tests", reason="asked to")
    deleted_by = {name: row["deleted_by"] for name, row in _shown(bench, purged).items()}
    long_ago = {"deleted_at": utcnow() - timedelta(days=400)}
    with database.system_session(actor="tests", reason="age") as system:
        for table in bench.tables:
            system.connection().execute(update(table).where(table.c.is_deleted).values(long_ago))
    purge(database, actor="tests")
    return Aged(deleted_by, purged, kept)


def about(kind: Kind, lines: Sequence[str]) -> list[str]:
    """The lines that speak of the kind's table."""
    return [line for line in lines if re.search(rf"\b{kind.table}\b", line)]


@dataclass
class World:
    """The databases of an engine: ``bench`` has tables of ``create_all``."""

    bench: Bench
    migrated: Migrated

    @cached_property
    def differences(self) -> Sequence[str]:
        """What autogenerate would write after ``create_all``."""
        tables = self.bench.tables
        return differences(self.bench.database.migration_engine, DomainModel.metadata, tables)

    @cached_property
    def aged(self) -> Aged:
        """What an erasure and a purge left."""
        return aged(self.bench)


@contextmanager
def world(created: Database, to_migrate: Database, folder: Path, grant: Callable[[], None]) -> Generator[World]:
    """Make it of two empty databases, of which ``grant`` opens the tables to the application's login."""
    for database in (created, to_migrate):
        upgrade(database.migration_engine)
        grant()
        with database.get_session() as session:
            OrganizationRepository(session).create(name="A", slug="a")
    with migrated(to_migrate, folder, grant) as history:
        created.create_all()  # those of other tests, too: a deletion looks into what refers to a user
        grant()
        yield World(Bench(created, history.bench.models), history)
