"""Listings in another order: each row once, those without a value last, in both directions, whatever comes and goes."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Index, column, event
from sqlmodel import Field, col

from domain import (
    ArgumentError,
    Database,
    Money,
    Page,
    TenantEntity,
    TenantRepository,
    Tender,
    TenderOrder,
    TenderPublic,
    TenderRepository,
    Text,
    live_index,
)
from domain.models import rank_column
from domain.testing import build

Make = Callable[..., Any]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYS: dict[TenderOrder, Callable[[Tender], Any]] = {
    TenderOrder.NEWEST: lambda row: row.created_at,
    TenderOrder.OLDEST: lambda row: row.created_at,
    TenderOrder.DEADLINE: lambda row: row.deadline,
    TenderOrder.LATEST_DEADLINE: lambda row: row.deadline,
    TenderOrder.HIGHEST_VALUE: lambda row: row.estimated_value,
    TenderOrder.LOWEST_VALUE: lambda row: row.estimated_value,
}


class Pallet(TenantEntity, table=True):
    """Of an application's own, with an order by each kind of column."""

    __tablename__ = "test_pallets"
    __table_args__: ClassVar[Any] = (
        live_index("created_at", "id"),
        live_index("label", "id"),
        live_index("weight", "id"),
        live_index("is_heavy", "id"),
        rank_column("price"),
        live_index("price_rank", "id"),
        live_index("size", "id"),
        Index(None, "organization_id", "note", "id", postgresql_where=column("note") != ""),
    )
    label: Text | None = None
    weight: int | None = None
    is_heavy: bool = False
    price: Decimal = Field(sa_type=Money(12, 2))
    note: Text = ""
    size: int = Field(default=0, nullable=True)


class PalletRepository(TenantRepository[Pallet]):
    """The pallets of one organization."""

    model = Pallet


def in_order(rows: Iterable[Any], key: Callable[[Any], Any], *, is_descending: bool) -> list[int]:
    """The ids by a plain sort."""
    rows = list(rows)
    valued = [row for row in rows if key(row) is not None]
    empty = [row for row in rows if key(row) is None]
    valued.sort(key=lambda row: (key(row), row.id), reverse=is_descending)
    empty.sort(key=lambda row: row.id, reverse=is_descending)
    return [row.id for row in (*valued, *empty)]


def walked(rows: TenantRepository[Any], limit: int, **how: Any) -> tuple[list[int], list[int]]:
    """The ids of all pages to the end, and of all pages back to the first."""
    pages: list[Page[Any]] = [rows.page(limit=limit, **how)]
    while pages[-1].next_cursor is not None:
        pages.append(rows.page(limit=limit, after=pages[-1].next_cursor, **how))
    back = [pages[-1]]
    while back[-1].previous_cursor is not None:
        back.append(rows.page(limit=limit, before=back[-1].previous_cursor, **how))
    there = [row.id for page in pages for row in page.items]
    return there, [row.id for page in reversed(back) for row in page.items]


def with_pallets(database: Database, rows: Iterable[dict[str, Any]]) -> list[Pallet]:
    with database.get_session(organization_id=1) as session:
        return list(PalletRepository(session).create_many([Pallet(**row) for row in rows]))


@pytest.mark.parametrize("order", TenderOrder)
def test_every_tender_is_on_one_page_of_every_order(domain_db: Database, order: TenderOrder) -> None:
    days = [None, 3, 1, None, 3, 2, None]
    rows = [
        build(Tender, deadline=day and NOON + timedelta(day), estimated_value=day and Decimal(day) / 3) for day in days
    ]
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        expected = in_order(tenders.create_many(rows), KEYS[order], is_descending=order.startswith("-"))
        for limit in (1, 2, 3, 7, 8):
            there, back = walked(tenders, limit, order_by=order)
            assert there == back == expected
            there, back = walked(tenders, limit, order_by=order, as_=TenderPublic)
            assert there == back == expected
        assert [row.id for row in tenders.find(order_by=order)] == expected
        assert [row.id for row in tenders.list_by_organization(order_by=order)] == expected
        assert [row.id for row in tenders.stream(order_by=order, batch_size=2)] == expected
        slices = [tenders.find(order_by=order, limit=2, offset=n) for n in range(9)]
        assert [[row.id for row in part] for part in slices] == [expected[n : n + 2] for n in range(9)]


PALLETS = st.fixed_dictionaries(
    {
        "label": st.none() | st.text("abÄ\U0001f4e6 '", max_size=2),
        "weight": st.none() | st.sampled_from([-(2**31), 0, 1, 2**31 - 1]),
        "is_heavy": st.booleans(),
        "price": st.decimals(0, 3, places=2),
    }
)
FIELDS = ["weight", "is_heavy", "price", "created_at"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(PALLETS, max_size=9), limit=st.integers(1, 4), field=st.sampled_from(FIELDS), down=st.booleans())
def test_any_rows_of_an_own_model_are_walked_in_order(
    domain_db: Database, rows: list[dict[str, Any]], limit: int, field: str, down: bool
) -> None:
    with domain_db.migration_engine.begin() as connection:
        connection.execute(Pallet.__table__.delete())
    pallets = with_pallets(domain_db, rows)
    column = getattr(Pallet, field)
    with domain_db.get_session(organization_id=1) as session:
        by = col(column).desc() if down else col(column)
        there, back = walked(PalletRepository(session), limit, order_by=by)
    expected = in_order(pallets, lambda row: getattr(row, field), is_descending=down)
    assert there == back == expected


@pytest.mark.parametrize("by", ["label", "-label"])
def test_texts_are_walked_in_the_order_of_the_database(domain_db: Database, by: str) -> None:
    with_pallets(domain_db, ({"label": label, "price": 1} for label in ("b", None, "Ä", "a", "", None, "B", "a'")))
    with domain_db.get_session(organization_id=1) as session:
        pallets = PalletRepository(session)
        there, back = walked(pallets, 3, order_by=by)
        assert there == back == [row.id for row in pallets.find(order_by=by)]
        assert len(there) == 8


def test_rows_that_stay_are_seen_once_while_others_come_and_go(domain_db: Database) -> None:
    with_pallets(domain_db, ({"weight": n % 3 or None, "price": n} for n in range(12)))
    with domain_db.get_session(organization_id=1) as session:
        pallets = PalletRepository(session)
        page = pallets.page(order_by="-weight", limit=3)
        seen = [row.id for row in page.items]
        gone, moved = page.items[-1].id, page.items[0].id
        pallets.soft_delete(gone)
        stay = {row.id for row in pallets.find(limit=200)} - {moved}
        while page.next_cursor is not None:
            pallets.add(Pallet(weight=2, price=Decimal(1)))
            pallets.add(Pallet(price=Decimal(1)))
            page = pallets.page(order_by="-weight", limit=3, after=page.next_cursor)
            seen += [row.id for row in page.items]
        assert len(seen) == len(set(seen))
        assert stay <= set(seen)


def test_a_row_that_others_move_is_read_where_it_stands_now(domain_db: Database) -> None:
    rows = with_pallets(domain_db, ({"weight": n, "price": 1} for n in range(6)))
    with domain_db.get_session(organization_id=1) as session:
        pallets = PalletRepository(session)
        held = pallets.require(rows[0].id)
        with domain_db.get_session(organization_id=1) as other:
            PalletRepository(other).require(held.id).weight = 4
        expected = [rows[n].id for n in (1, 2, 3, 0, 4, 5)]
        assert [row.id for row in islice(pallets.stream(order_by="weight", batch_size=1), 10)] == expected
        assert walked(pallets, 1, order_by="weight") == (expected, expected)
        assert held.weight == 0  # it is as the session read it: a change of it is a stale one


def test_rows_that_come_between_two_statements_of_a_slice_are_no_error(domain_postgresql: Database) -> None:
    with_pallets(domain_postgresql, [{"weight": 1, "price": 1}])
    came: list[Pallet] = []

    @event.listens_for(domain_postgresql.engine, "before_cursor_execute")
    def _add(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "count(" in statement and not came:
            came.append(Pallet(price=Decimal(1)))
            came.extend(with_pallets(domain_postgresql, ({"weight": n, "price": 1} for n in range(3))))

    with domain_postgresql.get_session(organization_id=1) as session:
        assert PalletRepository(session).find(order_by="weight", offset=2) == []
    event.remove(domain_postgresql.engine, "before_cursor_execute", _add)
    assert len(came) == 4


@pytest.mark.parametrize("by", ["size", "-size"])
def test_an_empty_column_of_a_field_that_is_never_empty_is_walked(domain_db: Database, by: str) -> None:
    rows = with_pallets(domain_db, ({"size": n, "price": 1} for n in range(4)))
    table = Pallet.__table__
    with domain_db.migration_engine.begin() as connection:
        connection.execute(table.update().where(table.c.id.in_([rows[0].id, rows[2].id])).values(size=None))
    expected = [rows[n].id for n in ((1, 3, 0, 2) if by == "size" else (3, 1, 2, 0))]
    with domain_db.get_session(organization_id=1) as session:
        assert walked(PalletRepository(session), 1, order_by=by) == (expected, expected)


class ParcelOrder(str, Enum):  # noqa: UP042  # it is what is tried
    """As applications wrote enums of texts before Python had StrEnum."""

    HEAVIEST = "-weight"


def test_an_order_is_the_value_of_an_enum_of_texts(domain_db: Database) -> None:
    with_pallets(domain_db, ({"weight": n, "price": 1} for n in (1, 3, 2)))
    with domain_db.get_session(organization_id=1) as session:
        found = PalletRepository(session).find(order_by=ParcelOrder.HEAVIEST)
        assert [row.weight for row in found] == [3, 2, 1]


def test_a_cursor_is_bound_to_its_order(domain_db: Database, make: Make) -> None:
    for _ in range(3):
        make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        cursors = {order: tenders.page(order_by=order, limit=1).next_cursor for order in TenderOrder}
        for given, cursor in cursors.items():
            for order in TenderOrder:
                if order is not given:
                    with pytest.raises(ArgumentError, match="in this order"):
                        tenders.page(order_by=order, after=cursor)


def test_deleted_rows_are_in_an_order_where_they_are_asked_for(domain_db: Database) -> None:
    rows = with_pallets(domain_db, ({"weight": n, "price": 1} for n in (2, None, 1)))
    with domain_db.get_session(organization_id=1) as session:
        pallets = PalletRepository(session)
        pallets.soft_delete(rows[2].id)
        assert [row.weight for row in pallets.find(order_by="weight")] == [2, None]
        assert [row.weight for row in pallets.find(order_by="weight", include_deleted=True)] == [1, 2, None]


REFUSED = {
    "note": 'Pallet has no index to order by note; write live_index("note", "id") in __table_args__',
    "-nothing": "Pallet has no column 'nothing' to order by",
    "label desc": "Pallet has no column 'label desc' to order by",
}


@pytest.mark.parametrize("by", REFUSED)
def test_an_order_without_an_index_is_refused_with_the_line_to_write(domain_db: Database, by: str) -> None:
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError) as refused:
        PalletRepository(session).page(order_by=by)
    assert str(refused.value) == REFUSED[by]


@pytest.mark.parametrize("by", [col(Tender.deadline), col(Pallet.weight).desc().nulls_first(), col(Pallet.weight) + 1])
def test_another_expression_is_no_order(domain_db: Database, by: Any) -> None:
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match="order_by takes a column of Pallet, or its desc"),
    ):
        PalletRepository(session).find(order_by=by)
