"""What stands beside tables after a sequence of upgrades and downgrades is what ``create_all`` makes of the models.

BESIDE_EXAMPLES is the number of sequences that are tried on each engine that writes the revisions.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, Engine, ForeignKey, Identity, Integer, MetaData, String, Table, text
from sqlalchemy.types import TypeEngine

from domain import DomainModel, Organization
from domain.kit.model.fields import BigId
from domain.kit.model.names import NAMING, fitted
from domain.kit.model.tables import ORGANIZATION_ID
from domain.kit.schema.beside import attach
from domain.migrations import upgrade
from domain.migrations.trees import domain_tables
from domain.organizations.model import SLUG_SETTING

EXAMPLES = int(os.environ.get("BESIDE_EXAMPLES", "12"))
TABLES = ["m_plans", f"m Odd {'x' * 57}"]
ENV = """
from alembic import context
from domain.migrations import run_env

run_env(context.config.attributes["metadata"], **context.config.attributes.get("filters", {}))
"""

CATALOG = {
    "sqlite": "SELECT type || ' ' || name || CASE type WHEN 'trigger' THEN sql ELSE '' END FROM sqlite_master"
    " WHERE type IN ('table', 'trigger') AND name NOT IN ('alembic_version', 'domain_version')",
    "postgresql": "SELECT concat_ws(' ', c.relname, attname, format_type(atttypid, atttypmod))"
    " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped"
    " AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '%\\_version'"
    " UNION ALL SELECT concat_ws(' ', relname, relrowsecurity, relforcerowsecurity) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '%\\_version'"
    " UNION ALL SELECT concat_ws(' ', tablename, policyname, permissive, roles, cmd, qual, with_check) FROM pg_policies"
    " UNION ALL SELECT concat_ws(' ', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE NOT tgisinternal"
    " UNION ALL SELECT concat_ws(' ', pg_get_functiondef(oid), proacl) FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace",
}


@dataclass(frozen=True)
class Shape:
    """A table of a model. ``columns`` are its own, each "plain", "personal" or "secret"."""

    tenant: bool
    audited: bool
    columns: Mapping[str, str]
    is_number: bool
    lookup: str | None

    def table(self, name: str, metadata: MetaData) -> Table:
        info = {"audited": self.audited, "lookups": {self.lookup: SLUG_SETTING} if self.is_found else {}}
        columns: list[Column[Any]] = [
            Column("id", BigId, Identity(), primary_key=True),
            Column("is_deleted", Boolean, nullable=False, server_default=text("false")),
        ]
        if self.tenant:
            columns.insert(0, Column(ORGANIZATION_ID, BigId, ForeignKey("organizations.id"), primary_key=True))
        columns += [Column(own, self.type, info={keeping: True}) for own, keeping in self.columns.items()]
        return Table(name, metadata, *columns, info=info)

    @property
    def is_found(self) -> bool:
        """Whether it has a look-up: by a text."""
        return self.lookup in self.columns and not self.is_number

    @property
    def type(self) -> TypeEngine[Any]:
        return Integer() if self.is_number else String(20)


Models = Mapping[str, Shape]
Edit = tuple[str, dict[str, Any] | None]  # of a table: what of its shape is another, or that it goes
NO_MODELS: Models = {}
NEW = Shape(tenant=True, audited=True, columns={"code": "plain"}, is_number=False, lookup=None)


def edits(*lookups: str) -> st.SearchStrategy[Edit]:
    kept = st.sampled_from(["plain", "personal", "secret"])
    changes: dict[str, st.SearchStrategy[Any]] = {
        "tenant": st.booleans(),
        "audited": st.booleans(),
        "columns": st.sampled_from(["code", "num ber"]).flatmap(
            lambda own: st.fixed_dictionaries({own: kept}, optional={"na me": kept})
        ),
        "is_number": st.booleans(),
        "lookup": st.sampled_from([None, *lookups]),
    }
    one = st.one_of(*(st.fixed_dictionaries({name: values}) for name, values in changes.items()))
    return st.tuples(st.sampled_from(TABLES), st.none() | one | one)


def edited(models: Models, step: list[Edit]) -> Models:
    found = dict(models)
    for name, change in step:
        if change is None:
            found.pop(name, None)
        else:
            found[name] = replace(found.get(name, NEW), **change)
    return found


@dataclass(frozen=True)
class Databases:
    """Two that are migrated, and one of each kind that ``create_all`` fills."""

    migrated: dict[str, Engine]
    created: dict[str, Engine]


@pytest.fixture
def databases(make_database: Callable[[str], Engine]) -> Databases:
    found = Databases(*({kind: make_database(kind) for kind in CATALOG} for _ in range(2)))
    for kind in CATALOG:
        upgrade(found.migrated[kind])
        DomainModel.metadata.create_all(found.created[kind], tables=domain_tables())
    return found


def catalog(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {str(line) for line in connection.scalars(text(CATALOG[engine.dialect.name]))}


def metadata_of(wanted: Models) -> MetaData:
    metadata = MetaData(naming_convention=NAMING)
    Organization.__table__.to_metadata(metadata)
    for name, shape in wanted.items():
        shape.table(name, metadata)
    attach(metadata)
    return metadata


def created(engine: Engine, metadata: MetaData) -> set[str]:
    """The catalog that ``create_all`` makes, of which ``drop_all`` leaves nothing."""
    before, tables = catalog(engine), [table for table in metadata.sorted_tables if table.name in TABLES]
    metadata.create_all(engine, tables=tables)
    found = catalog(engine)
    metadata.drop_all(engine, tables=tables)
    assert catalog(engine) == before
    return found


def config_of(folder: Path) -> Config:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENV)
    shutil.copy(Path(__file__).parents[2] / "alembic/script.py.mako", folder)
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def walk(config: Config, engine: Engine, metadata: MetaData, here: int, there: int) -> None:
    config.attributes |= {"engine": engine, "metadata": metadata}
    (command.upgrade if there > here else command.downgrade)(config, f"r{there}" if there else "base")


@pytest.mark.parametrize("writer", ["postgresql", "sqlite"])
def test_any_sequence_of_upgrades_and_downgrades_leaves_what_create_all_makes(
    writer: str, databases: Databases, tmp_path: Path
) -> None:
    # What a lookup adds shows on PostgreSQL only.
    lookups = ["code", "na me"] if writer == "postgresql" else []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shorten a failing sequence takes minutes
        derandomize=EXAMPLES < 100,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(
        st.lists(st.lists(edits(*lookups), min_size=1, max_size=3), min_size=2, max_size=4),
        st.lists(st.integers(0, 4), max_size=4),
    )
    def follow(sequence: list[list[Edit]], path: list[int]) -> None:
        config = config_of(tmp_path / "scripts")
        steps = [metadata_of(models) for models in accumulate(sequence, edited, initial=NO_MODELS)]
        wanted = {kind: [created(engine, step) for step in steps] for kind, engine in databases.created.items()}
        here = 0
        try:
            for there in range(1, len(steps)):
                config.attributes |= {"engine": databases.migrated[writer], "metadata": steps[there]}
                command.revision(config, f"step {there}", autogenerate=True, rev_id=f"r{there}")
                for kind, engine in databases.migrated.items():
                    walk(config, engine, steps[there], here, there)
                    assert catalog(engine) == wanted[kind][there]
                command.check(config)
                here = there
            for there in (*(place for place in path if place < len(steps)), 0):
                if there == here:
                    continue
                for kind, engine in databases.migrated.items():
                    walk(config, engine, steps[there], here, there)
                    assert catalog(engine) == wanted[kind][there]
                here = there
        except BaseException:
            clean(databases)
            raise

    follow()


def clean(databases: Databases) -> None:
    """Take away what a sequence that failed left, for those that hypothesis tries next."""
    for kind, engine in databases.migrated.items():
        with engine.begin() as connection:
            for table in (*TABLES, "alembic_version"):
                connection.execute(text(f'DROP TABLE IF EXISTS "{table}"'))
                if kind == "postgresql":
                    connection.execute(text(f'DROP FUNCTION IF EXISTS "{fitted(f"audit_{table}")}"()'))
