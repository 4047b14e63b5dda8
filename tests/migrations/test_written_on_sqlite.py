"""A revision that was written on SQLite works on PostgreSQL as well, or is refused there in words."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import BigInteger, Column, Engine, ForeignKeyConstraint, Integer, MetaData, String

from domain import Tender
from domain.kit.model.fields import BigId
from domain.kit.model.tables import ORGANIZATION_ID, lookup_setting
from domain.kit.model.types import Money
from domain.migrations import MigrationError
from tests.migrations.test_changes import Application, Catalog, models


@pytest.fixture
def application(tmp_path: Path, make_database: Callable[[str], Engine], catalog: Catalog) -> Application:
    return Application(tmp_path / "scripts", make_database, catalog, "sqlite")


def of_price(*, decimals: int) -> MetaData:
    return models(Column("price", Money(20, decimals)))


def of_code(*, looked_up: bool, plain: bool = True) -> MetaData:
    code = Column("code", String(20))
    info: Any = {"lookups": {"code": lookup_setting("u_parts", "code")}} if looked_up else {}
    return models(*([code] if plain or looked_up else []), Column("size", Integer()), **info)


def on(application: Application, kind: str, run: Callable[..., None], revision: str) -> None:
    application.config.attributes["engine"] = application.engines[kind]
    run(application.config, revision)


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, False)], ids=["gained", "lost"])
def test_a_look_up_of_a_column_that_is_there_comes_and_goes(
    before: bool, after: bool, application: Application
) -> None:
    application.start(of_code(looked_up=before), code="7-a")
    application.generate(of_code(looked_up=after))
    application.upgrade()
    assert application.is_as_created(of_code(looked_up=after))


def test_a_look_up_goes_with_its_column(application: Application) -> None:
    application.start(of_code(looked_up=True), code="7-a")
    application.generate(of_code(looked_up=False, plain=False))
    application.upgrade()
    assert application.is_as_created(of_code(looked_up=False, plain=False))


@pytest.mark.parametrize("after", [of_code(looked_up=False), models()], ids=["of a column", "of a table"])
def test_the_way_back_to_a_look_up_is_refused_on_postgresql_until_it_is_written(
    after: MetaData, application: Application
) -> None:
    application.start(of_code(looked_up=True), code="7-a")
    revision = application.generate(after)
    application.upgrade()
    with pytest.raises(MigrationError, match="does not show whether u_parts is looked up by code"):
        on(application, "postgresql", command.downgrade, "-1")
    assert application.is_as_created(after)
    confirm(revision)
    application.downgrade()
    assert application.is_as_created(of_code(looked_up=True))


def confirm(revision: Path) -> None:
    """Take out the line that refuses."""
    written, count = re.subn(r"\n    op\.invoke\(WrittenOnSQLite\('.*?'\)\)", "", revision.read_text(), flags=re.DOTALL)
    assert count == 1
    revision.write_text(written)


def with_a_note(metadata: MetaData) -> MetaData:
    metadata.tables["u_parts"].append_column(Column("note", String(20)))
    return metadata


def of_a_tender(type_: Any) -> MetaData:
    metadata = models(Column("tender_id", type_))
    if type_ is BigId:
        Tender.__table__.to_metadata(metadata)
        columns = [ORGANIZATION_ID, "tender_id"], ["tenders.organization_id", "tenders.id"]
        metadata.tables["u_parts"].append_constraint(ForeignKeyConstraint(*columns))
    return metadata


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        (of_price(decimals=4), of_price(decimals=2), r"u_parts\.price: type is NUMERIC\(precision=20, scale=4\)"),
        (of_a_tender(Integer()), of_a_tender(BigId), r"u_parts\.tender_id: type is INTEGER\(\)"),
    ],
    ids=["decimals", "a number that becomes a reference"],
)
def test_a_type_that_sqlite_does_not_show_is_refused_on_postgresql(
    before: MetaData, after: MetaData, missing: str, application: Application
) -> None:
    application.start(before)
    application.generate(with_a_note(after))
    on(application, "sqlite", command.upgrade, "head")
    with pytest.raises(MigrationError, match=rf"written on SQLite.*{missing}.*The last revision was rolled back"):
        on(application, "postgresql", command.upgrade, "head")
    unchanged = application.engines["postgresql"]
    on(application, "sqlite", command.downgrade, "-1")
    assert application.is_as_created(before), unchanged


def test_what_is_written_into_the_revision_is_refused_no_more(application: Application) -> None:
    application.start(of_price(decimals=4), price=7)
    revision = application.generate(with_a_note(of_price(decimals=2)))
    only = "if op.get_bind().dialect.name == 'postgresql':"
    cast = f"{only}\n        op.alter_column('u_parts', 'price', type_=sa.Numeric(20, 2))"
    revision.write_text(revision.read_text().replace("    with op.batch", f"    {cast}\n    with op.batch", 1))
    on(application, "postgresql", command.upgrade, "head")
    command.check(application.config)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (models(Column("price", Money(20, 4)), Column("size", Integer())), models(Column("size", Integer()))),
        (models(Column("price", Money(20, 4)), Column("size", Integer())), models()),
        (models(Column("price", Money(20, 4))), models(Column("price", String(40)))),
        (models(Column("price", BigInteger()), Column("size", Integer())), models(Column("size", Integer()))),
    ],
    ids=["a column", "a table", "a type", "a whole number"],
)
def test_the_way_back_to_an_amount_is_refused_on_postgresql(
    before: MetaData, after: MetaData, application: Application
) -> None:
    application.start(before, price=7)
    application.generate(after)
    application.upgrade()
    with pytest.raises(MigrationError, match=r"does not show how many decimals u_parts\.price has"):
        on(application, "postgresql", command.downgrade, "-1")
    on(application, "sqlite", command.downgrade, "-1")
    on(application, "sqlite", command.upgrade, "head")
    assert application.is_as_created(after)


def test_models_that_are_ahead_of_the_revisions_are_no_reason_to_refuse(application: Application) -> None:
    application.start(of_price(decimals=4), price=7)
    application.generate(with_a_note(of_price(decimals=4)))
    ahead = with_a_note(of_price(decimals=4))
    ahead.tables["u_parts"].append_column(Column("more", String(20)))
    ahead.tables["u_parts"].to_metadata(ahead, name="u_pieces")
    application.config.attributes["metadata"] = ahead
    application.each(command.upgrade, "head")
    assert application.is_as_created(with_a_note(of_price(decimals=4)))
