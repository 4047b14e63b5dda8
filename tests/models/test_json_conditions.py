"""Conditions on JSON columns find the same rows on both databases, or are refused."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from sqlmodel import Field, col, not_

from domain import ArgumentError, Database, TenantEntity, TenantRepository


class Part(BaseModel):
    name: str


class Parcel(TenantEntity, table=True):
    __tablename__ = "test_json_parcels"
    tags: list[str] = Field(default_factory=list)
    counts: list[int] | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    parts: list[Part] = Field(default_factory=list)


class ParcelRepository(TenantRepository[Parcel]):
    model = Parcel


words = st.sampled_from(["", "a", "b", "ä", 'q"', "%", "aa", "\\"])
lists = st.lists(words, max_size=4)


@given(rows=st.lists(lists, max_size=6), wanted=lists)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lists_that_have_every_item_are_found(domain_db: Database, rows: list[list[str]], wanted: list[str]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        parcels = ParcelRepository(session)
        made = parcels.create_many([Parcel(tags=tags) for tags in rows])
        found = {row.id for row in parcels.find(col(Parcel.tags).contains(wanted))}
        assert found == {row.id for row in made if set(wanted) <= set(row.tags)}
        others = {row.id for row in parcels.find(not_(col(Parcel.tags).contains(wanted)))}
        assert others == {row.id for row in made} - found
        session.rollback()


def test_null_is_neither_found_nor_left_out(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        parcels = ParcelRepository(session)
        parcels.add(Parcel())
        one = parcels.add(Parcel(counts=[1, 2]))
        has: Any = col(Parcel.counts).contains([2])
        assert [row.id for row in parcels.find(has)] == [one.id]
        assert parcels.find(not_(has)) == []
        assert parcels.count(col(Parcel.counts).is_(None)) == 1


def test_dicts_that_have_every_pair_are_found(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        parcels = ParcelRepository(session)
        one = parcels.add(Parcel(labels={"colour": "red", "size": "L"}))
        parcels.add(Parcel(labels={"size": "red", "colour": "L"}))
        assert [row.id for row in parcels.find(col(Parcel.labels).contains({"colour": "red"}))] == [one.id]


def test_equal_lists_are_found(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        parcels = ParcelRepository(session)
        one = parcels.add(Parcel(tags=["a", "ä"]))
        assert [row.id for row in parcels.find(col(Parcel.tags) == ["a", "ä"])] == [one.id]


@pytest.mark.parametrize(
    "condition",
    [
        lambda: col(Parcel.tags).contains("a"),
        lambda: col(Parcel.parts).contains([{"name": "a"}]),
        lambda: col(Parcel.tags).like("%a%"),
        lambda: col(Parcel.tags) < ["a"],
        lambda: col(Parcel.tags).in_([["a"]]),
    ],
)
def test_what_means_something_else_on_each_database_is_refused(condition: Any) -> None:
    with pytest.raises(ArgumentError, match="contains"):
        condition()


def test_an_item_that_the_list_can_not_have_is_refused() -> None:
    with pytest.raises(ValidationError):
        col(Parcel.counts).contains(["many"])
