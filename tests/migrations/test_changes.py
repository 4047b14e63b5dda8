"""Changes of an application's own tables, generated on one database and run on both."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Engine,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    text,
)

from domain import DomainModel, Organization, Tender
from domain.kit.model.fields import BigId
from domain.kit.model.names import NAMING
from domain.kit.model.tables import ORGANIZATION_ID, lookup_setting
from domain.kit.model.types import JSONOf, Money
from domain.kit.schema.beside import attach
from domain.migrations import upgrade
from domain.migrations.trees import domain_tables
from tests.migrations.conftest import a_tender_with_a_bid
from tests.migrations.test_sequences import catalog as beside
from tests.migrations.test_sequences import config_of

Catalog = Callable[[Engine], set[str]]
Columns = Sequence[Column[Any]]
KINDS = ("sqlite", "postgresql")


def models(*columns: Column[Any], name: str = "u_parts", **info: Any) -> MetaData:
    """An organization's table, with these columns of its own; none without columns."""
    metadata = MetaData(naming_convention=NAMING)
    Organization.__table__.to_metadata(metadata)
    if columns:
        keys = [
            Column(ORGANIZATION_ID, BigId, ForeignKey("organizations.id"), primary_key=True),
            Column("id", BigId, Identity(), primary_key=True),
        ]
        table = Table(name, metadata, *keys, *columns, info={"audited": True, **info})
        looked_up: list[str] = [*info.get("lookups", ())]
        for column in looked_up:
            Index(f"uq_{name}_{column}", table.c[column], unique=True)  # as lookup_field makes it
    attach(metadata)
    return metadata


class Application:
    """Its tree of revisions, and two databases that follow it; a fresh one of each kind for ``create_all``."""

    def __init__(self, folder: Path, make: Callable[[str], Engine], catalog: Catalog, writer: str) -> None:
        self.folder, self.make, self.writer, self.number = folder, make, writer, 0
        self.config = config_of(folder)
        self.engines = {kind: make(kind) for kind in KINDS}
        self.catalog: Catalog = lambda engine: catalog(engine) | beside(engine)
        for engine in self.engines.values():
            upgrade(engine)
            a_tender_with_a_bid(engine.url.render_as_string(hide_password=False))

    def generate(self, metadata: MetaData, **attributes: Any) -> Path:
        self.number += 1
        self.config.attributes |= {"metadata": metadata, "engine": self.engines[self.writer], **attributes}
        command.revision(self.config, "step", autogenerate=True, rev_id=f"r{self.number}")
        (made,) = self.folder.glob(f"versions/r{self.number}_*.py")
        return made

    def each(self, run: Callable[..., None], *words: str) -> None:
        for engine in self.engines.values():
            self.config.attributes["engine"] = engine
            run(self.config, *words)

    def upgrade(self) -> None:
        self.each(command.upgrade, "head")
        self.each(command.check)

    def downgrade(self) -> None:
        self.each(command.downgrade, "-1")

    def is_as_created(self, metadata: MetaData) -> bool:
        for kind, engine in self.engines.items():
            fresh = self.make(kind)
            DomainModel.metadata.create_all(fresh, tables=domain_tables())
            metadata.create_all(fresh, tables=[table for table in metadata.sorted_tables if table.name[:2] == "u_"])
            assert self.catalog(engine) == self.catalog(fresh)
        return True

    def start(self, metadata: MetaData, **values: object) -> None:
        """The first revision, and a row."""
        self.generate(metadata)
        self.upgrade()
        (table,) = (table for table in metadata.sorted_tables if table.name[:2] == "u_")
        for engine in self.engines.values():
            with engine.begin() as connection:
                bind(connection)
                connection.execute(insert(table).values(organization_id=1, id=1, **values))

    def values(self, metadata: MetaData, column: str) -> list[object]:
        """Of a column, in the row of each database."""
        (table,) = (table for table in metadata.sorted_tables if table.name[:2] == "u_")
        found: list[object] = []
        for engine in self.engines.values():
            with engine.connect() as connection:
                bind(connection)
                found += connection.scalars(select(table.c[column])).all()
        return found


def bind(connection: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('app.organization_id', '1', true)"))


@pytest.fixture(params=KINDS)
def application(
    request: pytest.FixtureRequest, tmp_path: Path, make_database: Callable[[str], Engine], catalog: Catalog
) -> Application:
    return Application(tmp_path / "scripts", make_database, catalog, request.param)


def follow_the_note(revision: Path) -> None:
    """In both directions: write the line that the note gives for the two in a batch before theirs."""
    written = re.sub(r"\n +batch_op\.add_column\(.*", "", revision.read_text())
    note = r" *# [^\n]* write (batch_op\.alter_column\([^\n]*?\)) for the two, in a batch of its own before[^\n]*\n"
    lines = re.findall(note, written)
    assert len(lines) == 2
    written = re.sub(note + r" +batch_op\.drop_column\([^\n]*", "        pass", written)
    ways = written.split("def downgrade")
    for number, (way, line) in enumerate(zip(ways, lines, strict=True)):
        batch = re.search(r" +with op\.batch_alter_table\([^\n]*\n", way)
        assert batch is not None
        ways[number] = f"{way[: batch.start()]}{batch[0]}        {line}\n\n{way[batch.start() :]}"
    revision.write_text("def downgrade".join(ways))


@pytest.mark.parametrize("keeping", ["plain", "personal", "secret", "indexed"])
def test_a_column_that_is_renamed_as_the_note_says_keeps_its_values(application: Application, keeping: str) -> None:
    before = models(Column("code", String(20), info={keeping: True}, index=keeping == "indexed"))
    after = models(Column("number", String(20), info={keeping: True}, index=keeping == "indexed"))
    application.start(before, code="7-a")
    revision = application.generate(after)
    assert revision.read_text().count("goes with its values") == 2
    follow_the_note(revision)
    application.upgrade()
    assert application.values(after, "number") == ["7-a", "7-a"]
    assert application.is_as_created(after)
    application.downgrade()
    assert application.values(before, "code") == ["7-a", "7-a"]
    assert application.is_as_created(before)


def test_a_table_that_goes_may_be_one_whose_class_was_not_imported(application: Application) -> None:
    before = models(Column("code", String(20)))
    application.start(before, code="7-a")
    written = application.generate(models()).read_text()
    assert "# u_parts goes with its rows; if its class is only not imported in env.py, import it\n" in written


def test_a_table_that_is_renamed_as_the_note_says_keeps_its_rows_and_its_protection(application: Application) -> None:
    before = models(Column("code", String(20)))
    after = models(Column("code", String(20)), name="u_pieces")
    application.start(before, code="7-a")
    revision = application.generate(after)
    written = revision.read_text()
    assert "write op.rename_table('u_parts', 'u_pieces') for the two" in written
    assert "write op.rename_table('u_pieces', 'u_parts') for the two" in written
    parts = re.compile(
        r"(?<=\n)    op\.create_table\(.*?(# [^\n]*write (op\.rename_table\([^)]*\)))[^\n]*\n[^\n]*", re.DOTALL
    )
    revision.write_text(parts.sub(r"    \2", written))
    application.upgrade()
    assert application.values(after, "code") == ["7-a", "7-a"]
    assert "u_pieces" in str(application.catalog(application.engines["postgresql"]))
    application.downgrade()
    assert application.values(before, "code") == ["7-a", "7-a"]


@pytest.mark.parametrize(
    ("old", "new", "value", "wanted"),
    [
        (String(50), String(20), "7", "7"),
        (String(20), Text(), "7", "7"),
        (Integer(), String(20), 7, "7"),
        (String(20), Integer(), "7", 7),
        (Integer(), Float(), 7, 7.0),
        (Boolean(), Integer(), True, 1),
        (Integer(), BigInteger(), 7, 7),
        (String(20), JSONOf(list[int]), "[7]", [7]),
    ],
    ids=["shorter", "text", "int to str", "str to int", "int to float", "bool to int", "wider", "str to list"],
)
def test_a_change_of_type_runs_on_rows_both_ways(
    old: Any, new: Any, value: object, wanted: object, application: Application
) -> None:
    before, after = models(Column("size", old)), models(Column("size", new))
    application.start(before, size=value)
    application.generate(after)
    application.upgrade()
    assert application.values(after, "size") == [wanted, wanted]
    assert application.is_as_created(after)


def test_a_column_that_a_policy_names_changes_its_type(application: Application) -> None:
    before, after = (
        models(Column("code", String(size)), lookups={"code": lookup_setting("u_parts", "code")}) for size in (20, 50)
    )
    application.start(before, code="7-a")
    application.generate(after)
    application.upgrade()
    assert application.is_as_created(after)
    application.downgrade()
    assert application.is_as_created(before)


@pytest.mark.parametrize("application", ["postgresql"], indirect=True)
def test_a_text_that_becomes_an_amount_is_converted_on_sqlite_as_the_note_asks(application: Application) -> None:
    before, after = models(Column("size", String(20))), models(Column("size", Money(20, 4)))
    application.start(before, size="12.5")
    revision = application.generate(after)
    assert revision.read_text().count("(SQLite holds amounts as whole numbers)") == 2
    convert = (
        "if op.get_context().dialect.name == 'sqlite':\n        op.execute('UPDATE u_parts SET size = size * 10000')"
    )
    revision.write_text(revision.read_text().replace("    with op.batch", f"    {convert}\n    with op.batch", 1))
    application.upgrade()
    assert application.values(after, "size") == [Decimal("12.5"), Decimal("12.5")]
    assert application.is_as_created(after)


class Grade(StrEnum):
    GOOD = "good"


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        (String(20), Grade.GOOD),
        (Boolean(), True),
        (Boolean(), False),
        (Date(), date(2026, 2, 3)),
        (JSONOf(list[int]), []),
        (Integer(), -4),
        (String(20), "it's 5:30"),
    ],
    ids=["enum", "true", "false", "date", "list", "int", "str"],
)
def test_a_required_column_with_a_default_comes_to_a_table_with_rows(
    type_: Any, default: object, application: Application
) -> None:
    before = models(Column("code", String(20)))
    given = list if default == [] else default
    after = models(Column("code", String(20)), Column("extra", type_, nullable=False, default=given))
    application.start(before, code="7-a")
    application.generate(after)
    application.upgrade()
    assert application.values(after, "extra") == [default, default]
    assert application.is_as_created(after)


@pytest.mark.parametrize("info", [{}, {"audited": False}], ids=["audited", "not audited"])
def test_a_dropped_table_comes_back(info: Any, application: Application) -> None:
    before = models(Column("code", String(20), index=True), Column("size", Integer()), **info)
    application.start(before, code="7-a")
    application.generate(models())
    application.upgrade()
    application.downgrade()
    assert application.is_as_created(before)


@pytest.mark.parametrize("application", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "info",
    [
        {},
        {"audited": False},
        {"lookups": {"code": lookup_setting("u_parts", "code")}},
        {"lookups": {"code": lookup_setting("u_parts", "code")}, "audited": False},
    ],
    ids=["audited", "not audited", "a look-up", "a look-up, not audited"],
)
def test_a_dropped_table_comes_back_with_all_that_stood_beside_it(info: Any, application: Application) -> None:
    before = models(Column("code", String(20), index=True), **info)
    application.start(before, code="7-a")
    application.generate(models())
    application.upgrade()
    assert application.is_as_created(models())
    application.downgrade()
    assert application.is_as_created(before)


def is_ours(_item: object, name: str | None, _kind: str, _reflected: object, _other: object) -> bool:
    return name not in ("spatial_ref_sys", "not_ours")


def test_what_an_application_leaves_out_is_neither_dropped_nor_a_difference(application: Application) -> None:
    for engine in application.engines.values():
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE spatial_ref_sys (srid integer PRIMARY KEY)"))
    parts = models(Column("code", String(20)))
    Table("not_ours", parts, Column("id", Integer, primary_key=True))
    filters = {"include_object": is_ours}
    written = application.generate(parts, filters=filters).read_text()
    assert "u_parts" in written
    assert not re.search("spatial_ref_sys|not_ours|tenders", written)
    application.upgrade()
    application.config.attributes.pop("filters")
    with pytest.raises(CommandError, match=r"spatial_ref_sys|not_ours"):
        application.each(command.check)


@pytest.mark.parametrize("application", ["postgresql"], indirect=True)
def test_a_reference_to_our_table_comes_to_a_table_with_rows(application: Application) -> None:
    before, after = models(Column("code", String(20))), models(Column("code", String(20)), Column("tender_id", BigId))
    Tender.__table__.to_metadata(after)
    after.tables["u_parts"].append_constraint(
        ForeignKeyConstraint([ORGANIZATION_ID, "tender_id"], ["tenders.organization_id", "tenders.id"])
    )
    application.start(before, code="7-a")
    application.generate(after)
    application.upgrade()
    assert application.values(after, "tender_id") == [None, None]
    assert application.is_as_created(after)
