"""The tables of every kind through their migrations: made, filled, given a second column, taken back and forth again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, Table, inspect

from domain.kit.model.names import NAMING
from domain.migrations.differences import described
from domain.migrations.trees import application_tree, domain_tables

_VERSIONS = "alembic_version"
_ENV = "from alembic import context\nfrom domain.migrations import run_env\n\nrun_env(context.config.attributes['metadata'])\n"
_TEMPLATE = """\
${imports if imports else ""}
import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
"""


@dataclass
class Tree:
    """An application's migrations in a folder of their own."""

    folder: Path
    engine: Engine
    tables: Sequence[Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "versions").mkdir(parents=True)
        (self.folder / "env.py").write_text(_ENV)
        (self.folder / "script.py.mako").write_text(_TEMPLATE)

    def revise(self, name: str, tables: Sequence[Table]) -> None:
        """Generate the revision that leads to these tables, and apply it."""
        self.tables = tables
        command.revision(self._config(), name, autogenerate=True, rev_id=name)
        self.upgrade()

    def upgrade(self) -> None:
        command.upgrade(self._config(), "head")

    def downgrade(self, revision: str) -> None:
        command.downgrade(self._config(), revision)

    def _config(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(self.folder))
        config.attributes.update(engine=self.engine, metadata=alone(self.tables))
        return config


def alone(tables: Sequence[Table]) -> MetaData:
    """Only these tables, beside this package's: other tests have theirs."""
    metadata = MetaData(naming_convention=NAMING)
    for table in (*domain_tables(), *tables):
        table.to_metadata(metadata)
    return metadata


def differences(engine: Engine, tables: Sequence[Table]) -> list[str]:
    """What autogenerate would write, a line each."""
    metadata = alone(tables)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=application_tree(metadata, _VERSIONS))
        return list(described(compare_metadata(context, metadata)))


def columns(engine: Engine, tables: Sequence[Table]) -> Mapping[str, set[str]]:
    """The columns that the database has, of those tables that it has."""
    there = inspect(engine)
    return {
        table.name: {column["name"] for column in there.get_columns(table.name)}
        for table in tables
        if there.has_table(table.name)
    }
