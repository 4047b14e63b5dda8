"""Private attributes of a table class: each object has its own, whether it was constructed or loaded."""

# pyright: reportPrivateUsage=false
# They are what is tested.

from collections.abc import Callable
from copy import copy
from typing import Any

import pytest
from pydantic import PrivateAttr

from domain import Database, TenantEntity, TenantRepository, Text


class Parcel(TenantEntity, table=True):
    __tablename__ = "test_parcels"
    label: Text
    _seen: list[str] = PrivateAttr(default_factory=list)
    _later: int = PrivateAttr()


class Crate(TenantEntity, table=True):
    __tablename__ = "test_measured_crates"
    label: Text
    _length: int = PrivateAttr(default=0)

    def model_post_init(self, _context: Any) -> None:
        self._length = len(self.label)


class ParcelRepository(TenantRepository[Parcel]):
    model = Parcel


@pytest.fixture
def stored(domain_db: Database) -> int:
    with domain_db.get_session(organization_id=1) as session:
        return ParcelRepository(session).add(Parcel(label="glass")).id


MADE: dict[str, Callable[[], Parcel]] = {
    "constructed": lambda: Parcel(label="glass"),
    "validated": lambda: Parcel.model_validate({"label": "glass"}),
    "copied": lambda: copy(Parcel(label="glass")),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_new_object_has_its_defaults(make: Callable[[], Parcel]) -> None:
    parcel = make()
    assert parcel._seen == []
    parcel._seen.append("x")
    assert make()._seen == []


def test_a_loaded_row_has_its_defaults(domain_db: Database, stored: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        parcel = ParcelRepository(session).require(stored)
        assert parcel._seen == []
        with pytest.raises(AttributeError, match="_later"):
            _ = parcel._later
        parcel._later = 3
        assert parcel._later == 3
        assert not session.dirty


def test_loading_a_row_again_keeps_what_it_was_given(domain_db: Database, stored: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        parcel = ParcelRepository(session).require(stored)
        parcel._seen.append("x")
        session.expire(parcel)
        assert parcel.label == "glass"
        session.refresh(parcel)
        assert parcel._seen == ["x"]


def test_what_a_model_sets_after_its_construction_is_there() -> None:
    assert Crate(label="glass")._length == 5
