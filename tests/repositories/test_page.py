"""Pages by keyset: every row once whatever the ties, cursors that nobody can forge into an error, and the response."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlmodel import col, update

from domain import (
    ArgumentError,
    Database,
    Page,
    Tender,
    TenderFilter,
    TenderPublic,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.kit.repository.cursor import Cursors
from domain.kit.repository.order import NEWEST
from domain.testing import build

Make = Callable[..., Any]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def tenders_made_at(database: Database, *moments: datetime) -> list[int]:
    """The ids of one tender for each moment of creation."""
    with database.get_session(organization_id=1) as session:
        ids = [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in moments])]
    columns = Tender.__table__.c
    with database.migration_engine.begin() as connection:
        for tender_id, moment in zip(ids, moments, strict=True):
            connection.execute(update(Tender).where(columns.id == tender_id).values(created_at=moment))
    return ids


def walk(database: Database, limit: int, between: Callable[[], object] = lambda: None) -> list[list[int]]:
    """The ids of every page, each read in a session of its own."""
    pages: list[list[int]] = []
    after: str | None = None
    while len(pages) < 20:
        with database.get_session(organization_id=1) as session:
            page = TenderRepository(session).page(after=after, limit=limit)
        pages.append([tender.id for tender in page.items])
        after = page.next_cursor
        if after is None:
            return pages
        between()
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_every_row_is_on_one_page_whatever_the_ties(domain_db: Database, limit: int) -> None:
    tick = timedelta(microseconds=1)
    moments = [NOON, NOON, NOON + tick, NOON, NOON - tick, NOON + tick, NOON]
    ids = tenders_made_at(domain_db, *moments)
    newest_first = [n for _, n in sorted(zip(moments, ids, strict=True), reverse=True)]
    pages = walk(domain_db, limit)
    assert [n for page in pages for n in page] == newest_first
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= limit
    with domain_db.get_session(organization_id=1) as session:
        assert [row.id for row in TenderRepository(session).find(include_deleted=True)] == newest_first


def test_rows_that_are_added_on_the_way_shift_no_page(domain_db: Database, make: Make) -> None:
    ids = tenders_made_at(domain_db, *[NOON] * 5)
    pages = walk(domain_db, 2, between=lambda: make(Tender))
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


def test_the_row_at_the_cursor_may_be_deleted(domain_db: Database) -> None:
    ids = tenders_made_at(domain_db, *[NOON] * 4)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        page = tenders.page(limit=2)
        tenders.soft_delete(ids[2])
        assert [tender.id for tender in tenders.page(after=page.next_cursor, limit=2).items] == [ids[1], ids[0]]


def test_a_page_knows_whether_there_is_another(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        empty = TenderRepository(session).page(limit=2, with_total=True)
        assert (empty.items, empty.next_cursor, empty.total) == ([], None, 0)
    tenders_made_at(domain_db, *[NOON] * 4)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        first = tenders.page(limit=2, with_total=True)
        assert (len(first.items), first.total) == (2, 4)
        last = tenders.page(after=first.next_cursor, limit=2, with_total=True)
        assert (len(last.items), last.next_cursor, last.total) == (2, None, 4)
        assert tenders.page(limit=4).total is None


def test_a_page_is_narrowed_by_status_search_and_condition(domain_db: Database, make: Make) -> None:
    bridge: Tender = make(Tender, title="Bridge", status=TenderStatus.COMPLETE)
    make(Tender, title="Tunnel", status=TenderStatus.COMPLETE)
    make(Tender, title="Bridge")
    with domain_db.get_session() as session:
        tenders = TenderRepository(session)
        wanted = TenderFilter(status=[TenderStatus.COMPLETE], text="bridge")
        page = tenders.page(wanted, with_total=True, org_id=1)
        assert ([tender.id for tender in page.items], page.total) == ([bridge.id], 1)
        page = tenders.page(col(Tender.id) == bridge.id, limit=1)
        assert [tender.id for tender in page.items] == [bridge.id]


# -- cursors ----------------------------------------------------------------------------------------------------


CURSORS = Cursors(Tender, NEWEST)
SUM = crc32(b"tenders -created_at")


def forged(place: bytes) -> str:
    """A text with the right sum."""
    return base64.urlsafe_b64encode(crc32(place, SUM).to_bytes(4) + place).decode().rstrip("=")


@given(moment=st.datetimes(timezones=st.timezones()), entity_id=st.integers(-(2**63), 2**63 - 1))
@example(moment=datetime.min.replace(tzinfo=UTC), entity_id=0)
@example(moment=datetime.max.replace(tzinfo=UTC), entity_id=2**63 - 1)
@settings(max_examples=50, deadline=None)
def test_a_cursor_holds_its_place(moment: datetime, entity_id: int) -> None:
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        return
    cursor = CURSORS.encode((in_utc, entity_id))
    assert CURSORS.decode(cursor) == (in_utc, entity_id)
    assert re.fullmatch("[A-Za-z0-9_-]+", cursor)


@given(st.text() | st.binary().map(forged))
@example("é" * 28)
@example("\x00" * 28)
@settings(max_examples=200, deadline=None)
def test_a_made_up_text_is_no_cursor(text: str) -> None:
    with pytest.raises(ArgumentError, match="cursor"):
        CURSORS.decode(text)


PLACES = [
    *('["10000-01-01T00:00:00Z",1]', '["2026-05-01T12:00:00",1]', "[1,1]", "[null,1]"),
    *(f'["2026-05-01T12:00:00Z",{beyond}]' for beyond in (2**63, -(2**63) - 1, "true", "1.5", '"1"', "null")),
    *('["2026-05-01T12:00:00Z",1,2]', '["2026-05-01T12:00:00Z"]', '["2026-05-01T12:00:00Z", 1]', "{}"),
]


@pytest.mark.parametrize("place", PLACES)
def test_what_no_row_has_is_no_place(place: str) -> None:
    assert CURSORS.decode(forged(b'["2026-05-01T12:00:00Z",1]')) == (NOON, 1)
    with pytest.raises(ArgumentError, match="cursor"):
        CURSORS.decode(forged(place.encode()))


def test_a_cursor_of_another_model_or_format_is_refused(domain_db: Database, make: Make) -> None:
    make(User)
    make(User)
    with domain_db.get_session(organization_id=1) as session:
        cursor = UserRepository(session).page(limit=1).next_cursor
        assert cursor is not None
        with pytest.raises(ArgumentError, match="this cursor is not one that a page of tenders in this order gave out"):
            TenderRepository(session).page(after=cursor)
        with pytest.raises(ArgumentError, match="cursor"):
            UserRepository(session).page(before=f"Zz{cursor[2:]}")
        assert len(UserRepository(session).page(after=cursor).items) == 1


def test_a_page_is_after_one_cursor_or_before_one(domain_db: Database) -> None:
    cursor = CURSORS.encode((NOON, 1))
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match="either after a cursor or before one"),
    ):
        TenderRepository(session).page(after=cursor, before=cursor)


def test_a_cursor_that_was_cut_or_written_otherwise_is_refused(domain_db: Database) -> None:
    tenders_made_at(domain_db, *[NOON] * 2)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        cursor = tenders.page(limit=1).next_cursor
        assert cursor is not None
        bad = [cursor[:length] for length in range(len(cursor))]
        bad += [
            cursor[::-1],
            cursor + "A",
            f" {cursor}",
            f"{cursor}\n\n\n\n",
            cursor.encode().hex(),
            "é",
            "\x00",
            "A" * 1_000_000,
        ]
        for text in bad:
            with pytest.raises(ArgumentError, match="cursor"):
                tenders.page(after=text, limit=1)
            with pytest.raises(ArgumentError, match="cursor"):
                tenders.page(before=text, limit=1)
        assert len(tenders.page(after=cursor, limit=1).items) == 1


def test_a_cursor_of_another_organization_discloses_nothing(domain_db: Database, make: Make) -> None:
    make(Tender)
    foreign: Tender = make(Tender, organization_id=2)
    newer = CURSORS.encode((foreign.created_at + timedelta(days=1), foreign.id + 100))
    older = CURSORS.encode((foreign.created_at - timedelta(days=1), 0))
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        pages = [tenders.page(after=newer, with_total=True), tenders.page(before=older, with_total=True)]
    assert [([tender.organization_id for tender in page.items], page.total) for page in pages] == [([1], 1)] * 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.integers(0, 2), max_size=9), limit=st.integers(1, 4))
def test_any_list_is_walked_in_order(domain_sqlite: Database, seconds: list[int], limit: int) -> None:
    with domain_sqlite.migration_engine.begin() as connection:
        connection.execute(Tender.__table__.delete())
    moments = [NOON + timedelta(seconds=second) for second in seconds]
    ids = tenders_made_at(domain_sqlite, *moments)
    newest_first = [n for _, n in sorted(zip(moments, ids, strict=True), reverse=True)]
    assert [n for page in walk(domain_sqlite, limit) for n in page] == newest_first


# -- as a response ----------------------------------------------------------------------------------------------


def test_a_page_of_tenders_becomes_a_page_of_public_ones(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender, title="Bridge", categories=["45221110"])
    with domain_db.get_session(organization_id=1) as session:
        page = TenderRepository(session).page(with_total=True)
    public = TypeAdapter(Page[TenderPublic]).validate_python(page, from_attributes=True)
    assert type(public.items[0]) is TenderPublic
    assert (public.items[0].id, public.items[0].title, public.total) == (tender.id, "Bridge", 1)


def test_fastapi_answers_with_the_public_fields_alone(domain_db: Database, make: Make) -> None:
    app = FastAPI()

    @app.get("/tenders", response_model=Page[TenderPublic])
    def list_tenders(after: str | None = None) -> Page[Tender]:
        with domain_db.get_session(organization_id=1) as session:
            return TenderRepository(session).page(after=after, limit=1, with_total=True)

    titles = [make(Tender, title=title).title for title in ("Bridge", "Tunnel")]
    client = TestClient(app)
    first = client.get("/tenders").json()
    assert ([item["title"] for item in first["items"]], first["total"]) == ([titles[1]], 2)
    assert set(first["items"][0]) == set(TenderPublic.model_fields)
    assert not {"organization_id", "deletion_id", "is_deleted"} & set(first["items"][0])
    last = client.get("/tenders", params={"after": first["next_cursor"]}).json()
    assert ([item["title"] for item in last["items"]], last["next_cursor"]) == ([titles[0]], None)
