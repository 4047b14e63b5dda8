"""The reader, who may read what, and that nobody rewrites it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from domain import (
    ArgumentError,
    AuditAction,
    AuditEntry,
    AuditEntryPublic,
    AuditRepository,
    ConfigurationError,
    Database,
    TenantRequiredError,
    TenantScopeError,
    Tender,
    TenderRepository,
    TenderStatus,
    UserRepository,
)
from domain.testing import build


@pytest.fixture
def written(domain_db: Database) -> list[int]:
    """Three tenders of organization 1, the first of which changed twice, and one of organization 2."""
    with domain_db.get_session(organization_id=1, actor="ann") as session:
        ids = [TenderRepository(session).add(build(Tender)).id for _ in range(3)]
    for status in (TenderStatus.PROCESSING, TenderStatus.COMPLETE):
        with domain_db.get_session(organization_id=1, actor="bob") as session:
            TenderRepository(session).update_status(ids[0], status)
    with domain_db.get_session(organization_id=2, actor="eve") as session:
        TenderRepository(session).add(build(Tender))
    return ids


def test_a_row_has_its_history_newest_first(domain_db: Database, written: list[int]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        found = AuditRepository(session).page(entity=Tender, row_id=written[0]).items
        assert AuditRepository(session).page(entity="tenders", row_id=written[0]).items == found
    assert [(entry.actor, str(entry.action)) for entry in found] == [
        ("bob", "update"),
        ("bob", "update"),
        ("ann", "insert"),
    ]
    assert AuditEntryPublic.model_validate(found[0], from_attributes=True).after == {"status": "complete"}


def test_pages_follow_each_other_while_entries_are_added(domain_db: Database, written: list[int]) -> None:
    seen: list[int] = []
    cursor: str | None = None
    while True:
        with domain_db.get_session(organization_id=1) as session:
            page = AuditRepository(session).page(entity=Tender, limit=2, after=cursor)
            TenderRepository(session).create(title="Meanwhile")
        seen += [entry.id for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)


def test_the_way_back_shows_the_same_entries(domain_db: Database, written: list[int]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        trail = AuditRepository(session)
        first = trail.page(entity=Tender, limit=2)
        second = trail.page(entity=Tender, limit=2, after=first.next_cursor)
        back = trail.page(entity=Tender, limit=2, before=second.previous_cursor)
        assert (first.previous_cursor, back.previous_cursor) == (None, None)
        assert len(first.items) == 2
        assert back.items == first.items
        assert back.next_cursor == first.next_cursor


def test_conditions_narrow_a_page(domain_db: Database, written: list[int]) -> None:
    soon, long_ago = datetime.now(UTC) + timedelta(hours=1), datetime(2020, 1, 1, tzinfo=UTC)
    with domain_db.get_session(organization_id=1) as session:
        trail = AuditRepository(session)
        assert len(trail.page(actor="bob").items) == 2
        assert len(trail.page(action=AuditAction.INSERT, entity=Tender).items) == 3
        assert len(trail.page(since=long_ago, until=soon, entity=Tender).items) == 5
        assert trail.page(since=soon).items == []
        assert trail.page(until=long_ago).items == []


def test_no_organization_reads_anothers_trail(domain_db: Database, written: list[int]) -> None:
    with domain_db.get_session(organization_id=2) as session:
        assert {entry.actor for entry in AuditRepository(session).page(entity=Tender).items} == {"eve"}
        assert AuditRepository(session).page(entity=Tender, row_id=written[0], actor="bob").items == []
        with pytest.raises(TenantScopeError):
            AuditRepository(session).page(org_id=1)
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        AuditRepository(session).page()
    with domain_db.get_session() as session:
        assert len(AuditRepository(session).page(org_id=1, entity=Tender).items) == 5


def test_a_page_refuses_a_wrong_limit_and_a_foreign_cursor(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        for limit, after in ((0, None), (201, None), (50, "garbage")):
            with pytest.raises(ArgumentError):
                AuditRepository(session).page(limit=limit, after=after)


def test_a_session_writes_no_entry_itself(domain_db: Database, written: list[int]) -> None:
    entry = build(AuditEntry)
    with pytest.raises(ArgumentError), domain_db.get_session(organization_id=1) as session:
        session.add(entry)
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError):
        session.exec(update(AuditEntry).values(actor="nobody"))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_entries (organization_id, entity, row_id, action) VALUES (1, 'tenders', 1, 'purge')",
        "UPDATE audit_entries SET actor = 'nobody'",
        "DELETE FROM audit_entries",
    ],
)
def test_injected_sql_neither_forges_nor_removes_an_entry(domain_postgresql: Database, statement: str) -> None:
    with domain_postgresql.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Bridge")
    with domain_postgresql.get_session(organization_id=1, unguarded_sql=True) as session:
        with pytest.raises(ConfigurationError, match="42501"):
            session.connection().execute(text(statement))
        session.rollback()
        assert session.scalar(text("SELECT count(*) FROM audit_entries WHERE entity = 'tenders'")) == 1


def test_secrets_are_named_and_never_shown_and_people_stand_apart(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1, actor="ann") as session:
        user = UserRepository(session).create(email="ann@example.org", hashed_password="zq-old", full_name="Ann Zq")
    with domain_db.get_session(organization_id=1, actor="ann") as session:
        stored = UserRepository(session).require(user.id)
        stored.hashed_password, stored.full_name = "zq-new", "Ann Other"
    with domain_db.get_session(organization_id=1) as session:
        changed, made = AuditRepository(session).page(entity="users", row_id=user.id).items
    assert changed.after == changed.before == {"hashed_password": "***", "full_name": "***"}
    assert changed.personal == {"before": {"full_name": "Ann Zq"}, "after": {"full_name": "Ann Other"}}
    assert (made.before, made.after, made.personal) == (None, None, None)
    assert "zq-" not in repr(changed) + repr(made)


def test_the_system_erases_what_tells_who_a_person_is(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1, actor="ann@example.org") as session:
        user = UserRepository(session).create(email="ann@example.org", hashed_password="x", full_name="Ann Zq")
        user.full_name = "Ann Other"
    with domain_db.system_session(actor="privacy", reason="ticket 1") as system:
        theirs = (col(AuditEntry.organization_id) == 1, col(AuditEntry.entity) == "users")
        system.exec(update(AuditEntry).where(*theirs, col(AuditEntry.row_id) == user.id).values(personal=None))
        system.exec(update(AuditEntry).where(col(AuditEntry.actor) == "ann@example.org").values(actor=None))
    with domain_db.get_session(organization_id=1) as session:
        trail = AuditRepository(session).page(entity="users").items
    assert len(trail) == 2
    assert all((entry.actor, entry.personal) == (None, None) for entry in trail)


@pytest.mark.parametrize("actor", ["", "a" * 256, "ä" * 256, "a\0b"])
def test_an_actor_that_the_trail_could_not_hold_is_refused(domain_db: Database, actor: str) -> None:
    with pytest.raises(ArgumentError, match="actor"), domain_db.get_session(organization_id=1, actor=actor):
        raise AssertionError
    with pytest.raises(ArgumentError, match="request_id"), domain_db.get_session(request_id=actor):
        raise AssertionError


@pytest.mark.parametrize(
    "name", ["Jürgen Ångström", "Łukasz O'Brien", "田中さん 🙂", "100% \\ sure", "ä" * 255, "🙂" * 255]
)
def test_whoever_writes_is_recorded_letter_by_letter(domain_db: Database, name: str) -> None:
    with domain_db.get_session(organization_id=1, actor=name, request_id=name) as session:
        TenderRepository(session).create(title="Bridge")
    with domain_db.get_session(organization_id=1) as session:
        (entry,) = AuditRepository(session).page(entity=Tender, actor=name).items
    assert (entry.actor, entry.request_id) == (name, name)


def test_a_session_is_recorded_under_its_own_actor_on_a_pooled_connection(
    domain_db: Database, make_actor: Callable[[int], str | None]
) -> None:
    for number in range(4):
        with domain_db.get_session(organization_id=1, actor=make_actor(number)) as session:
            TenderRepository(session).create(title=f"{number}")
    with domain_db.get_session(organization_id=1) as session:
        actors = [entry.actor for entry in AuditRepository(session).page(entity=Tender).items]
    assert actors == [make_actor(number) for number in (3, 2, 1, 0)]


@pytest.fixture
def make_actor() -> Callable[[int], str | None]:
    return lambda number: None if number % 2 else f"user:{number}"
