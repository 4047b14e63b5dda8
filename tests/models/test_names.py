"""Names of up to 63 bytes: what is longer is cut, alike on both databases, and no two become one."""

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from domain.kit.model.names import LONGEST, NAMING, fitted

NAMES = st.text(min_size=1, max_size=90)


@given(NAMES)
def test_a_name_fits_and_is_left_alone_where_it_does(name: str) -> None:
    cut = fitted(name)
    assert len(cut.encode()) <= LONGEST
    assert (cut == name) == (len(name.encode()) <= LONGEST)
    assert fitted(cut) == cut


@given(st.text(min_size=40, max_size=70), NAMES, NAMES)
def test_two_names_stay_two(start: str, one: str, other: str) -> None:
    assert (fitted(start + one) == fitted(start + other)) == (one == other)


def test_every_name_that_the_convention_makes_fits_and_no_database_changes_it() -> None:
    metadata = MetaData(naming_convention=NAMING)
    Table("parents", metadata, Column("id", Integer, primary_key=True))
    column = "column_" + "é" * 15
    for last in ("a", "b"):
        name = f"{'ö' * 31}{last}"
        keys = [Column(f"{column}_{end}", Integer, ForeignKey("parents.id"), index=True) for end in ("x", "y")]
        rules = [UniqueConstraint(*keys), CheckConstraint("1 = 1", name=f"{column}_range"), Index(None, *keys)]
        Table(name, metadata, Column("id", Integer, primary_key=True), *keys, *rules)
    tables = metadata.sorted_tables
    statements: list[ExecutableDDLElement] = [CreateTable(table) for table in tables]
    statements += [CreateIndex(index) for table in tables for index in table.indexes]
    names = {str(rule.name) for table in tables for rule in table.constraints}
    names |= {str(index.name) for table in tables for index in table.indexes}
    assert len(names) == 1 + 2 * (1 + 2 + 1 + 1 + 3)
    assert {len(name.encode()) for name in names} <= {len("pk_parents"), LONGEST - 1, LONGEST}
    for dialect in (postgresql.dialect(), sqlite.dialect()):  # type: ignore[no-untyped-call]  # SQLAlchemy's constructor
        said = "".join(str(statement.compile(dialect=dialect)) for statement in statements)
        unnamed = "pk_" if dialect.name == "sqlite" else " "  # there a primary key has no name
        assert [name for name in names if name not in said and not name.startswith(unnamed)] == []
