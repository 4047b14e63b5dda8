"""A change inside a JSON value, at whatever depth, is saved."""

from collections.abc import Callable

import pytest
from pydantic import BaseModel
from sqlmodel import Field

from domain import Database, TenantEntity, TenantRepository


class Street(BaseModel):
    name: str
    numbers: list[int] = []


class Address(BaseModel):
    street: Street
    city: str = ""


class Depot(TenantEntity, table=True):
    __tablename__ = "depots"
    address: Address
    former: list[Address] = Field(default_factory=list)
    by_name: dict[str, Address] = Field(default_factory=dict)
    lists: list[list[int]] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)


class DepotRepository(TenantRepository[Depot]):
    model = Depot


def address(name: str = "Quay") -> Address:
    return Address(street=Street(name=name, numbers=[1]))


def depot() -> Depot:
    return Depot(address=address(), former=[address()], by_name={"a": address()}, lists=[[1]], tags=["x"])


CHANGES: dict[str, Callable[[Depot], object]] = {
    "a field": lambda row: setattr(row.address, "city", "Oslo"),
    "a field of a field": lambda row: setattr(row.address.street, "name", "Pier"),
    "a list in a field": lambda row: row.address.street.numbers.append(2),
    "a model in a list": lambda row: setattr(row.former[0], "city", "Oslo"),
    "a model in a dict": lambda row: setattr(row.by_name["a"].street, "name", "Pier"),
    "a list in a list": lambda row: row.lists[0].append(2),
    "a list": lambda row: row.tags.append("y"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "read"])
def test_a_change_in_place_is_saved(domain_db: Database, name: str, is_new: bool) -> None:
    with domain_db.get_session(organization_id=1) as session:
        row_id = DepotRepository(session).add(depot()).id
        if is_new:
            CHANGES[name](DepotRepository(session).require(row_id))
    if not is_new:
        with domain_db.get_session(organization_id=1) as session:
            CHANGES[name](DepotRepository(session).require(row_id))
    wanted = depot()
    CHANGES[name](wanted)
    with domain_db.get_session(organization_id=1) as session:
        row = DepotRepository(session).require(row_id)
        assert row.model_dump(exclude={"id"}, include=set(CONTENT)) == wanted.model_dump(include=set(CONTENT))
        assert row.version == 2


CONTENT = ("address", "former", "by_name", "lists", "tags")


def test_what_did_not_change_is_not_written(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        row_id = DepotRepository(session).add(depot()).id
    with domain_db.get_session(organization_id=1) as session:
        row = DepotRepository(session).require(row_id)
        row.address.city = "Oslo"
        row.address.city = ""
    with domain_db.get_session(organization_id=1) as session:
        assert DepotRepository(session).require(row_id).version == 1
