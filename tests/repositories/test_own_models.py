"""An application's own models and repositories: what ours can, theirs can."""

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from sqlalchemy import event
from sqlmodel import Field

from domain import (
    ConflictError,
    ConstraintError,
    Database,
    DuplicateError,
    Entity,
    OrganizationRepository,
    Repository,
    TenantEntity,
    TenantRepository,
    Tender,
    TenderRepository,
    Text,
    Upserted,
    User,
    UserRepository,
    constructor,
    example,
    live_unique,
    tenant_key,
)

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]


class Lot(TenantEntity, table=True):
    """A part of a tender."""

    __tablename__ = "test_lots"
    retention_days: ClassVar[int | None] = 120
    __table_args__: ClassVar[Any] = (live_unique("tender_id", "number"),)
    tender_id: int = tenant_key(Tender)
    number: int = Field(ge=1, schema_extra=example(1))
    title: Text = Field(default="", max_length=100)


class Drawing(TenantEntity, table=True):
    """A document of a lot; it may name the tender it also shows."""

    __tablename__ = "test_drawings"
    retention_days: ClassVar[int | None] = 30
    lot_id: int = tenant_key(Lot)
    other_tender_id: int | None = tenant_key(Tender, default=None, on_delete="cascade")


class AccessKey(TenantEntity, table=True):
    """What a user's program logs in with."""

    __tablename__ = "test_access_keys"
    user_id: int = tenant_key(User)


class Badge(TenantEntity, table=True):
    """It goes with its organization, as users do."""

    __tablename__ = "test_badges"
    __table_args__: ClassVar[Any] = ({"info": {"goes_with_organization": True}},)
    number: int = Field(default=1, schema_extra=example(1))


class Currency(Entity, table=True):
    """A table of no organization."""

    __tablename__ = "test_currencies"
    __table_args__: ClassVar[Any] = (live_unique("code", across_organizations=True),)
    code: str = Field(max_length=3, schema_extra=example("EUR"))


class LotRepository(TenantRepository[Lot]):
    """The lots of one organization."""

    model = Lot

    @constructor(Lot)
    def create(self, entity: Lot) -> Lot:
        """Insert a lot."""
        return self.add(entity)


class DrawingRepository(TenantRepository[Drawing]):
    """The drawings of one organization."""

    model = Drawing


class CurrencyRepository(Repository[Currency]):
    """Currencies."""

    model = Currency


def test_a_tender_takes_along_what_hangs_below_it_at_any_depth(domain_db: Database, stored: Stored, make: Make) -> None:
    drawing: Drawing = make(Drawing)
    lot = stored(Lot, drawing.lot_id)
    other: Drawing = make(Drawing, organization_id=2)
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(lot["tender_id"])
    rows = [stored(Tender, lot["tender_id"]), stored(Lot, lot["id"]), stored(Drawing, drawing.id)]
    assert len({row["deletion_id"] for row in rows} - {None}) == 1
    assert [row["version"] for row in rows] == [2, 2, 2]
    assert not stored(Drawing, other.id)["is_deleted"]
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ConflictError, match="its Lot is deleted"):
            DrawingRepository(session).restore(drawing.id)
        assert TenderRepository(session).restore(lot["tender_id"])
    assert not stored(Drawing, drawing.id)["is_deleted"]


def test_a_deletion_takes_along_more_rows_than_a_statement_has_parameters(
    domain_sqlite: Database,
) -> None:
    with domain_sqlite.get_session(organization_id=1) as session:
        tender_id = TenderRepository(session).create(title="Bridge").id
        lots = LotRepository(session).create_many([Lot(tender_id=tender_id, number=n) for n in range(1, 151)])
        DrawingRepository(session).create_many([Drawing(lot_id=lot.id) for lot in lots])

    def limit(connection: sqlite3.Connection, *_rest: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 99)

    event.listen(domain_sqlite.engine, "checkout", limit)
    with domain_sqlite.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.preview_delete(tender_id) == {"Tender": 1, "Lot": 150, "Drawing": 150}
        assert tenders.soft_delete(tender_id)
        assert DrawingRepository(session).count() == LotRepository(session).count() == 0
        assert tenders.restore(tender_id)
        assert DrawingRepository(session).count() == LotRepository(session).count() == 150


def test_a_row_goes_once_whichever_way_it_belongs_to_what_is_deleted(
    domain_db: Database, stored: Stored, make: Make
) -> None:
    lot: Lot = make(Lot)
    drawing: Drawing = make(Drawing, lot_id=lot.id, other_tender_id=lot.tender_id)
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(lot.tender_id)
    assert (stored(Drawing, drawing.id)["is_deleted"], stored(Drawing, drawing.id)["version"]) == (True, 2)


@pytest.mark.parametrize("door", ["user", "organization"])
def test_a_user_takes_along_what_is_theirs(domain_db: Database, stored: Stored, make: Make, door: str) -> None:
    key: AccessKey = make(AccessKey)
    with domain_db.get_session(organization_id=1) as session:
        if door == "user":
            assert UserRepository(session).soft_delete(key.user_id)
        else:
            assert OrganizationRepository(session).soft_delete(1)
    assert stored(AccessKey, key.id)["is_deleted"]
    with domain_db.get_session() as session:
        if door == "user":
            assert UserRepository(session).restore(key.user_id, org_id=1)
        else:
            assert OrganizationRepository(session).restore(1)
    assert not stored(AccessKey, key.id)["is_deleted"]


def test_a_table_can_go_with_its_organization(domain_db: Database, stored: Stored, make: Make) -> None:
    badge: Badge = make(Badge)
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).soft_delete(1)
    assert stored(Badge, badge.id)["is_deleted"]
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).restore(1)
    assert not stored(Badge, badge.id)["is_deleted"]


def test_a_reference_may_be_left_out_but_not_point_elsewhere(domain_db: Database, make: Make) -> None:
    lot: Lot = make(Lot)
    foreign: Tender = make(Tender, organization_id=2)
    with domain_db.get_session(organization_id=1) as session:
        drawings = DrawingRepository(session)
        assert drawings.add(Drawing(lot_id=lot.id)).other_tender_id is None
        with pytest.raises(ConstraintError) as refused:
            drawings.add(Drawing(lot_id=lot.id, other_tender_id=foreign.id))
        assert refused.value.constraint == "fk_test_drawings_organization_id_other_tender_id_tenders"
        assert drawings.count() == 1


def test_a_key_of_two_fields_is_understood_by_create_put_and_restore(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        lots = LotRepository(session)
        lot = lots.create(tender_id=tender.id, number=1)
        with pytest.raises(DuplicateError) as refused, session.begin_nested():
            lots.create(tender_id=tender.id, number=1)
        assert (refused.value.entity, refused.value.fields) == ("Lot", ("tender_id", "number"))
        assert lots.put(Lot(tender_id=tender.id, number=1, title="Steel")) is lot
        lots.soft_delete(lot.id)
        again = lots.put(Lot(tender_id=tender.id, number=1, title="Again"))
        with pytest.raises(DuplicateError):
            lots.restore(lot.id)
        assert [row.id for row in lots.find()] == [again.id]
    assert stored(Lot, lot.id)["title"] == "Steel"


def test_a_table_of_no_organization_needs_none(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session() as session:
        currencies = CurrencyRepository(session)
        euro = currencies.add(Currency(code="EUR"))
        assert currencies.put(Currency(code="EUR")) is euro
        currencies.create_many([Currency(code="NOK"), Currency(code="SEK")])
        assert [currency.code for currency in currencies.find()] == ["SEK", "NOK", "EUR"]
        assert (currencies.count(), currencies.exists(), currencies.page(limit=2, with_total=True).total) == (
            3,
            True,
            3,
        )
        assert currencies.soft_delete(euro.id) is True
        assert currencies.get(euro.id) is None
        assert currencies.restore(euro.id) is True
        assert currencies.upsert_many([Currency(code="EUR"), Currency(code="DKK")]) == Upserted(1, 0, 1)
        assert not session.is_bound
    with domain_db.system_session(actor="tests", reason="currencies") as system:
        assert CurrencyRepository(system).require(euro.id).code == "EUR"
    assert stored(Currency, euro.id)["version"] == 4
