"""Bulk writes store every type of column exactly as writing one row does."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    Connection,
    Dialect,
    Function,
    Integer,
    Interval,
    MetaData,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    func,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine
from sqlmodel import Field

from domain import (
    Amount,
    ArgumentError,
    ConstraintError,
    Cost,
    Database,
    TenantEntity,
    TenantRepository,
    TenantSession,
    Text,
    UtcDatetime,
    live_unique,
)
from domain.kit.model.registry import REGISTRY
from domain.kit.model.types import UTC_DATETIME, Money, json_dict, json_list, value_enum
from domain.kit.repository.recordset import has_recordset

POSTGRESQL = postgresql.psycopg2.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
SQLITE = sqlite.dialect()


class Colour(Enum):
    RED = "red"
    BLUE_GREEN = "blue green"


class Shout(TypeDecorator[str]):
    """An application's own type."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    cache_ok: bool | None = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's
        return None if value is None else f"{value}!"

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's
        return None if value is None else value[:-1]


class Reversed(TypeDecorator[str]):
    """A type that SQL writes."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    cache_ok: bool | None = True

    def bind_expression(self, bindparam: BindParameter[str]) -> Function[str]:
        return func.reverse(bindparam)


class Specimen(TenantEntity, table=True):
    """Every type that travels as JSON."""

    __tablename__ = "test_specimens"
    __table_args__: ClassVar[Any] = (live_unique("code"),)
    code: str = Field(max_length=20)
    small: int | None = Field(default=None, sa_type=SmallInteger)
    whole: int | None = None
    number: float | None = None
    amount: Amount | None = Field(default=None, sa_type=Money(20, 4))
    cost: Cost | None = Field(default=None, sa_type=Money(14, 6))
    short: str | None = Field(default=None, max_length=5)
    fixed: str | None = Field(default=None, sa_type=String(5))
    note: Text | None = None
    loud: str | None = Field(default=None, sa_type=Shout)
    flag: bool | None = None
    colour: Colour | None = None
    shade: Colour | None = Field(default=None, sa_type=value_enum(Colour))
    moment: UtcDatetime | None = Field(default=None, sa_type=UTC_DATETIME)
    day: date | None = None
    hour: time | None = None
    key: UUID | None = None
    words: list[Text] | None = Field(default=None, sa_type=json_list(Text))
    details: dict[str, JsonValue] | None = Field(default=None, sa_type=json_dict(JsonValue))
    verbatim: dict[str, JsonValue] | None = Field(default=None, sa_type=json_dict(JsonValue, verbatim=True))
    anything: JsonValue = None


class Parcel(TenantEntity, table=True):
    """Types that travel as parameters, and take the others of their table with them."""

    __tablename__ = "test_type_parcels"
    __table_args__: ClassVar[Any] = (live_unique("code"),)
    code: str = Field(max_length=20)
    data: bytes | None = None
    amount: Amount | None = Field(default=None, sa_type=Money(20, 4))
    anything: JsonValue = None


class SpecimenRepository(TenantRepository[Specimen]):
    model = Specimen


class ParcelRepository(TenantRepository[Parcel]):
    model = Parcel


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
CONTROL = st.sampled_from(["\\u0000", '"', "\\", "%s %(a)s", ":x", "\x1e", "{}", "null", "NaN", ""])
LETTERS = TEXTS | CONTROL
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=10)


def jsons(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.none() | st.booleans() | numbers | texts
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
    )


FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
A_YEAR = timedelta(days=366)
AWARE = st.datetimes(
    (FIRST + A_YEAR).replace(tzinfo=None), (LAST - A_YEAR).replace(tzinfo=None), timezones=st.timezones() | st.just(UTC)
)
AMOUNTS = st.decimals(-(10**14), 10**14, places=6, allow_nan=False)
SPECIMENS: dict[str, st.SearchStrategy[Any]] = {
    "small": st.integers(-(2**15), 2**15 - 1),
    "whole": st.integers(-(2**31), 2**31 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "amount": AMOUNTS,
    "cost": st.decimals(-(10**7), 10**7, places=8, allow_nan=False),
    "short": TEXTS.map(lambda text: text[:5]),
    "fixed": TEXTS.map(lambda text: text[:5]),
    "note": LETTERS,
    "loud": LETTERS,
    "flag": st.booleans(),
    "colour": st.sampled_from(Colour),
    "shade": st.sampled_from(Colour),
    "moment": AWARE,
    "day": st.dates(),
    "hour": st.times(),
    "key": st.uuids(),
    "words": st.lists(LETTERS, max_size=3),
    "details": st.dictionaries(LETTERS, jsons(LETTERS), max_size=3),
    "verbatim": st.dictionaries(ANY_TEXT, jsons(ANY_TEXT), max_size=3),
    "anything": jsons(LETTERS),
}
PARCELS = {
    "data": st.binary(max_size=20),
    "amount": AMOUNTS,
    "anything": jsons(LETTERS),
}


def written_rows(connection: Connection, table: Table, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """What the database itself shows of each column, by the rows' codes."""
    shown = "CAST({} AS TEXT)" if connection.dialect.name == "postgresql" else "quote({})"
    columns = ", ".join(shown.format(f'"{name}"') for name in names)
    return {code: values for code, *values in connection.exec_driver_sql(f"SELECT code, {columns} FROM {table.name}")}


def check(database: Database, repository: Any, rows: list[dict[str, Any]]) -> None:
    """Write the rows one by one, and in every other way; then compare what is stored."""
    numbers = range(len(rows))
    with database.engine.connect() as connection, TenantSession(connection, organization_id=1) as session:
        written = repository(session)
        for n in numbers:
            written.add(repository.model(code=f"one {n}", **rows[n]))
        ids = written.create_many([{"code": f"many {n}", **rows[n]} for n in numbers])
        written.upsert_many([{"code": f"new {n}", **rows[n]} for n in numbers])
        written.create_many([{"code": f"changed {n}"} for n in numbers])
        written.upsert_many([{"code": f"changed {n}", **rows[n]} for n in numbers])
        held = written_rows(connection, repository.model.__table__, sorted(rows[0]))
        assert len(held) == 4 * len(rows)
        for n in numbers:
            assert {way: held[f"{way} {n}"] for way in ("many", "new", "changed")} == dict.fromkeys(
                ("many", "new", "changed"), held[f"one {n}"]
            )
        assert [written.require(row_id).code for row_id in ids] == [f"many {n}" for n in numbers]
        session.rollback()


SEARCH = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def rows_of(columns: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({name: st.none() | values for name, values in columns.items()})
    return st.lists(row, min_size=1, max_size=3)


@SEARCH
@given(rows=rows_of(SPECIMENS))
def test_any_values_are_stored_alike_by_one_and_by_many(domain_db: Database, rows: list[dict[str, Any]]) -> None:
    check(domain_db, SpecimenRepository, rows)


@SEARCH
@given(rows=rows_of(PARCELS))
def test_so_are_types_that_json_does_not_carry(domain_db: Database, rows: list[dict[str, Any]]) -> None:
    check(domain_db, ParcelRepository, rows)


def test_the_tables_of_this_package_travel_as_json() -> None:
    models: list[type[Any]] = [
        mapper.class_ for mapper in REGISTRY.mappers if mapper.class_.__module__.startswith("domain.")
    ]
    assert len(models) > 7
    models.append(Specimen)
    for model in models:
        table: Table = model.__table__
        assert has_recordset(table, list(table.c.keys()), POSTGRESQL), table
        assert not has_recordset(table, list(table.c.keys()), SQLITE)


@pytest.mark.parametrize(
    "kind", [ARRAY(Integer), Interval, Reversed, postgresql.INET, postgresql.HSTORE, postgresql.BYTEA]
)
def test_what_json_may_not_carry_travels_as_parameters(kind: Any) -> None:
    table = Table("specimens", MetaData(), Column("odd", kind), Column("number", Integer))
    assert has_recordset(table, ["number"], POSTGRESQL)
    assert not has_recordset(table, ["number", "odd"], POSTGRESQL)


WRITES: list[Callable[[Any, dict[str, Any]], object]] = [
    lambda specimens, row: specimens.add(Specimen(**row)),
    lambda specimens, row: specimens.create_many([{"code": "good"}, row]),
    lambda specimens, row: specimens.upsert_many([{"code": "good"}, row]),
]


def refuses(database: Database, bad: dict[str, Any], write: Callable[[Any, dict[str, Any]], object]) -> None:
    with TenantSession(database.engine, organization_id=1) as session:
        with pytest.raises((ConstraintError, ArgumentError)) as refused, session.begin_nested():
            write(SpecimenRepository(session), {"code": "bad", **bad})
        assert "secret" not in str(refused.value)
        assert SpecimenRepository(session).count() == 0
        session.rollback()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("bad", [{"loud": "secret \x00"}, {"loud": "secret \ud800"}, {"whole": 2**70}], ids=repr)
def test_what_no_column_holds_is_refused_by_every_way(
    domain_db: Database, bad: dict[str, Any], write: Callable[[Any, dict[str, Any]], object]
) -> None:
    refuses(domain_db, bad, write)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("bad", [{"whole": 2**40}, {"small": 2**15}, {"fixed": "secret"}], ids=repr)
def test_what_a_column_of_postgresql_does_not_hold_is_refused_by_every_way(
    domain_postgresql: Database, bad: dict[str, Any], write: Callable[[Any, dict[str, Any]], object]
) -> None:
    refuses(domain_postgresql, bad, write)
