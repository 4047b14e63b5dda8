"""Pages in both directions, while rows are added and deleted on the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import col

from domain import (
    Database,
    Organization,
    OrganizationRepository,
    Page,
    Tender,
    TenderFilter,
    TenderRepository,
    TenderStatus,
)
from domain.testing import build

Make = Callable[..., Any]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ids_of(page: Page[Tender]) -> list[int]:
    return [tender.id for tender in page.items]


def read(database: Database, limit: int, after: str | None = None, before: str | None = None) -> Page[Tender]:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).page(limit=limit, after=after, before=before)


def added(database: Database, moment: datetime) -> int:
    """The id of a new tender that was made at this moment, now or in the past."""
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).add(build(Tender, created_at=moment)).id


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_the_way_back_shows_the_same_pages(domain_db: Database, limit: int) -> None:
    tick = timedelta(microseconds=1)
    for moment in [NOON, NOON, NOON + tick, NOON, NOON - tick, NOON + tick, NOON]:
        added(domain_db, moment)
    pages = [read(domain_db, limit)]
    while pages[-1].next_cursor is not None:
        pages.append(read(domain_db, limit, after=pages[-1].next_cursor))
    assert len(pages) == -(-7 // limit)
    assert pages[0].previous_cursor is None
    back = [pages[-1]]
    while back[-1].previous_cursor is not None:
        back.append(read(domain_db, limit, before=back[-1].previous_cursor))
    assert [ids_of(page) for page in back] == [ids_of(page) for page in reversed(pages)]
    assert [page.next_cursor for page in back] == [page.next_cursor for page in reversed(pages)]


def test_newer_rows_lead_to_a_page_before_the_first(domain_db: Database) -> None:
    old = [added(domain_db, NOON) for _ in range(2)]
    second = read(domain_db, 1, after=read(domain_db, 1).next_cursor)
    new = added(domain_db, NOON)
    assert ids_of(second) == old[:1]
    first = read(domain_db, 1, before=second.previous_cursor)
    assert ids_of(first) == old[1:]
    newest = read(domain_db, 1, before=first.previous_cursor)
    assert (ids_of(newest), newest.previous_cursor) == ([new], None)
    assert ids_of(read(domain_db, 1, after=newest.next_cursor)) == old[1:]


def test_a_page_that_has_become_empty_leads_back(domain_db: Database) -> None:
    ids = [added(domain_db, NOON) for _ in range(3)]
    first = read(domain_db, 2)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(ids[0])
    empty = read(domain_db, 2, after=first.next_cursor)
    assert (empty.items, empty.next_cursor) == ([], None)
    assert ids_of(read(domain_db, 2, before=empty.previous_cursor)) == [ids[2], ids[1]]
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(ids[2])
    second = read(domain_db, 1, before=empty.previous_cursor)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).restore(ids[0])
    assert ids_of(read(domain_db, 1, after=second.next_cursor)) == [ids[0]]
    nothing = read(domain_db, 1, before=read(domain_db, 1, after=second.next_cursor).previous_cursor)
    assert ids_of(nothing) == [ids[1]]
    newest = read(domain_db, 1, before=second.previous_cursor) if second.previous_cursor else None
    assert newest is None


def test_pages_of_a_status_and_of_a_condition_go_both_ways(domain_db: Database, make: Make) -> None:
    done = [make(Tender, status=TenderStatus.COMPLETE).id for _ in range(3)]
    make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        for words in (None, "Harbour"):
            wanted = TenderFilter(status=[TenderStatus.COMPLETE], text=words)
            first = tenders.page(wanted, limit=1, with_total=True)
            last = tenders.page(wanted, after=first.next_cursor, limit=2, with_total=True)
            again = tenders.page(wanted, before=last.previous_cursor, with_total=True)
            assert [ids_of(first), ids_of(last), ids_of(again)] == [done[2:], done[1::-1], done[2:]]
            assert [first.total, last.total, again.total] == [3, 3, 3]
        where = col(Tender.id) < done[2]
        assert ids_of(tenders.page(where, before=last.previous_cursor)) == []
        assert ids_of(tenders.page(where, wanted, after=first.next_cursor)) == done[1::-1]


def test_organizations_have_pages_in_both_directions(domain_db: Database) -> None:
    with domain_db.system_session(actor="tests", reason="pages") as system:
        system.add(build(Organization))
        organizations = OrganizationRepository(system)
        first = organizations.page(limit=1, with_total=True)
        last = organizations.page(after=first.next_cursor, limit=2)
        assert organizations.page(before=last.previous_cursor).items == first.items
        assert (len(first.items), len(last.items), first.total) == (1, 2, 3)


def test_a_page_is_one_statement(domain_db: Database, statements: list[tuple[str, Any]]) -> None:
    for _ in range(3):
        added(domain_db, NOON)
    cursors: list[dict[str, str | None]] = [{}, {"after": read(domain_db, 1).next_cursor}]
    cursors.append({"before": read(domain_db, 1, **cursors[1]).previous_cursor})
    for cursor in cursors:
        statements.clear()
        assert len(read(domain_db, 1, **cursor).items) == 1
        assert len(statements) == 1


def test_a_row_that_sql_inserted_is_on_one_page(domain_sqlite: Database) -> None:
    with domain_sqlite.migration_engine.begin() as connection:
        for _ in range(5):
            connection.execute(
                text(
                    "INSERT INTO tenders (organization_id, title, status, categories) VALUES (1, 'x', 'pending', '[]')"
                )
            )
    added(domain_sqlite, NOON)
    seen: list[int] = []
    page = read(domain_sqlite, 1)
    while page.next_cursor is not None and len(seen) < 9:
        seen += ids_of(page)
        page = read(domain_sqlite, 1, after=page.next_cursor)
    assert [*seen, *ids_of(page)] == [5, 4, 3, 2, 1, 6]
    back: list[int] = []
    while page.previous_cursor is not None and len(back) < 9:
        page = read(domain_sqlite, 1, before=page.previous_cursor)
        back += ids_of(page)
    assert back == [1, 2, 3, 4, 5]


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "delete", "turn"]), st.integers(0, 2), st.integers(0, 99)), max_size=14
)


@pytest.mark.parametrize("back", [False, True])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.integers(0, 2), max_size=8), steps=STEPS, limit=st.integers(1, 3))
def test_a_row_that_was_there_throughout_is_seen_once(
    domain_sqlite: Database, back: bool, seconds: list[int], steps: list[tuple[str, int, int]], limit: int
) -> None:
    """Rows come, of any age, and go between the pages; the walk is forward, or back from the oldest page."""
    with domain_sqlite.migration_engine.begin() as connection:
        connection.execute(Tender.__table__.delete())
    there = {added(domain_sqlite, NOON + timedelta(seconds=second)) for second in seconds}
    if back:
        page = read(domain_sqlite, limit)
        while page.next_cursor is not None:
            page = read(domain_sqlite, limit, after=page.next_cursor)
    else:
        page = read(domain_sqlite, limit)
    throughout, present = set(there), set(there)
    seen: list[int] = []
    remaining = list(steps)
    while True:
        seen += ids_of(page)
        cursor = page.previous_cursor if back else page.next_cursor
        if cursor is None:
            break
        for kind, second, which in remaining[:2]:
            if kind == "add":
                present.add(added(domain_sqlite, NOON + timedelta(seconds=second)))
            elif kind == "delete" and present:
                gone = sorted(present)[which % len(present)]
                with domain_sqlite.get_session(organization_id=1) as session:
                    assert TenderRepository(session).soft_delete(gone)
                present.discard(gone)
                throughout.discard(gone)
        del remaining[:2]
        page = read(domain_sqlite, limit, before=cursor) if back else read(domain_sqlite, limit, after=cursor)
    assert len(seen) == len(set(seen))
    assert throughout <= set(seen)
