"""``on``: rows told apart by another ``live_unique`` than the model's first."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from sqlmodel import Field

from domain import (
    ArgumentError,
    ConstraintError,
    Database,
    DuplicateError,
    Organization,
    OrganizationRepository,
    TenantEntity,
    TenantRepository,
    Tender,
    TenderRepository,
    Text,
    Upserted,
    live_unique,
)

StoredRows = Callable[[type[Any]], list[dict[str, Any]]]


class Packet(TenantEntity, table=True):
    __tablename__ = "test_packets"
    __table_args__: ClassVar[Any] = (
        live_unique("number"),
        live_unique("shelf", "place"),
        live_unique("barcode", across_organizations=True),
    )
    number: int
    shelf: Text = Field(max_length=10)
    place: int
    barcode: Text | None = Field(default=None, max_length=20)
    weight: int = 0


class Packets(TenantRepository[Packet]):
    model = Packet


@pytest.fixture
def packet(domain_db: Database) -> Packet:
    """Of organization 1."""
    with domain_db.get_session(organization_id=1) as session:
        return Packets(session).add(Packet(number=1, shelf="A", place=7, barcode="x-1", weight=5))


@pytest.mark.parametrize(
    ("on", "fields"),
    [
        ("barcode", {"number": 2, "shelf": "B", "place": 8, "barcode": "x-1"}),
        (["barcode"], {"number": 2, "shelf": "B", "place": 8, "barcode": "x-1"}),
        (("shelf", "place"), {"number": 2, "shelf": "A", "place": 7, "barcode": "x-2"}),
        (("place", "shelf"), {"number": 2, "shelf": "A", "place": 7, "barcode": "x-2"}),
        ("number", {"number": 1, "shelf": "B", "place": 8, "barcode": "x-2"}),
        (None, {"number": 1, "shelf": "B", "place": 8, "barcode": "x-2"}),
    ],
)
@pytest.mark.parametrize("many", [False, True])
def test_the_row_with_the_same_key_is_updated_its_other_keys_too(
    domain_db: Database, packet: Packet, stored_rows: StoredRows, on: Any, fields: dict[str, Any], many: bool
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        if many:
            done = Packets(session).upsert_many([fields], on=on)
            assert (done, done.ids) == (Upserted(0, 1, 0), [packet.id])
        else:
            assert Packets(session).put(Packet(**fields), on=on).id == packet.id
    (row,) = stored_rows(Packet)
    assert {name: row[name] for name in fields} == fields
    assert (row["weight"], row["version"]) == (5, 2)


@pytest.mark.parametrize("many", [False, True])
def test_a_new_value_of_the_key_makes_a_row_and_a_taken_one_of_another_key_is_refused(
    domain_db: Database, packet: Packet, stored_rows: StoredRows, many: bool
) -> None:
    def write(**fields: Any) -> None:
        with domain_db.get_session(organization_id=1) as session:
            if many:
                Packets(session).upsert_many([fields], on="barcode")
            else:
                Packets(session).put(Packet(**fields), on="barcode")

    write(number=2, shelf="B", place=8, barcode="x-2")
    with pytest.raises(DuplicateError) as refused:
        write(number=1, shelf="C", place=9, barcode="x-2")
    assert refused.value.fields == ("number",)
    rows = [(row["id"] == packet.id, row["number"], row["barcode"]) for row in stored_rows(Packet)]
    assert rows == [(True, 1, "x-1"), (False, 2, "x-2")]


@pytest.mark.parametrize("many", [False, True])
def test_no_row_of_another_organization_is_taken_over(
    domain_db: Database, packet: Packet, stored_rows: StoredRows, many: bool
) -> None:
    before = stored_rows(Packet)
    fields: dict[str, Any] = {"number": 9, "shelf": "Z", "place": 9, "barcode": "x-1", "weight": 99}

    def write(on: Any) -> None:
        with domain_db.get_session(organization_id=2) as session:
            if many:
                Packets(session).upsert_many([fields], on=on)
            else:
                Packets(session).put(Packet(**fields), on=on)

    for on in ("barcode", "number", ("shelf", "place")):
        # Row level security refuses an upsert before anything tells whose the row is.
        with pytest.raises((DuplicateError, ConstraintError)):
            write(on)
        assert stored_rows(Packet) == before


@pytest.mark.parametrize("on", ["weight", "id", ("number", "barcode"), "", ()])
def test_what_is_no_key_is_refused_with_those_that_are(domain_db: Database, on: Any) -> None:
    row: dict[str, Any] = {"number": 2, "shelf": "B", "place": 8}
    with domain_db.get_session(organization_id=1) as session:
        packets = Packets(session)
        with pytest.raises(
            ArgumentError, match=r"no live_unique on .*; it has \(number\), \(shelf, place\), \(barcode"
        ):
            packets.put(Packet(**row), on=on)
        with pytest.raises(
            ArgumentError, match=r"no live_unique on .*; it has \(number\), \(shelf, place\), \(barcode"
        ):
            packets.upsert_many([row], on=on)
        assert packets.count() == 0


def test_a_row_without_the_key_is_no_row_of_upsert_many(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match=r"row 0: .*barcode"):
        Packets(session).upsert_many([{"number": 2, "shelf": "B", "place": 8}], on="barcode")


def test_the_repositories_that_have_a_put_of_their_own_take_it_as_well(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        done = TenderRepository(session).upsert_many([{"external_id": "o-1", "title": "Bridge"}], on="external_id")
        assert done.created == 1
        with pytest.raises(ArgumentError, match=r"Tender has no live_unique on 'title'; it has \(external_id\)"):
            TenderRepository(session).put(Tender(title="Bridge"), on="title")
        organization = Organization(name="Renamed", slug="first")
        assert OrganizationRepository(session).put(organization, on="slug").id == 1
