"""``TenantHandle.read_session``: reads what its organization has, and writes nothing."""

from collections.abc import Callable
from math import inf

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError
from sqlmodel import func, select, update

from domain import (
    Database,
    OrganizationRepository,
    ReadSession,
    TenantScopeError,
    TenantSession,
    Tender,
    TenderRepository,
)
from domain.errors import OrganizationDeletedError, ReadOnlySessionError, SessionClosedError, UnavailableError
from domain.kit.database.replicas import Replicas

WRITES = [
    "add",
    "add_all",
    "begin",
    "begin_nested",
    "commit",
    "connection",
    "delete",
    "execute",
    "flush",
    "merge",
    "rollback",
]


@pytest.fixture
def bridge(domain_db: Database) -> Tender:
    """A tender of organization 1."""
    return domain_db.tenant(1).run(lambda session: TenderRepository(session).create(title="Bridge"))


def stored(database: Database) -> list[tuple[str, bool]]:
    """Each tender's title, and if it is deleted, as the owner sees them."""
    with database.migration_engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(select(Tender.__table__.c.title, Tender.__table__.c.is_deleted))
        ]


def test_it_shows_what_its_organization_has_and_nothing_else(domain_db: Database, bridge: Tender) -> None:
    with domain_db.tenant(1).read_session() as session:
        assert session.organization_id == 1
        assert TenderRepository(session).require(bridge.id).title == "Bridge"
        assert session.exec(select(Tender.title)).all() == ["Bridge"]
        assert session.exec(select(Tender.id, Tender.title)).all() == [(bridge.id, "Bridge")]
        with pytest.raises(TenantScopeError):
            TenderRepository(session).get(bridge.id, org_id=2)
    with domain_db.tenant(2).read_session() as session:
        assert TenderRepository(session).get(bridge.id) is None
        assert session.exec(select(func.count()).select_from(Tender)).one() == 0


def test_it_sees_what_others_commit_meanwhile(domain_db: Database, bridge: Tender) -> None:
    with domain_db.tenant(1).read_session() as session:
        assert TenderRepository(session).count() == 1
        domain_db.tenant(1).run(lambda other: TenderRepository(other).create(title="Tunnel"))
        assert TenderRepository(session).count() == 2


def change(session: ReadSession, tender_id: int) -> object:
    TenderRepository(session).require(tender_id).title = "Changed"
    return None


REFUSED: dict[str, Callable[[ReadSession, int], object]] = {
    "a new row": lambda session, _: TenderRepository(session).create(title="Tunnel"),
    "many rows": lambda session, _: TenderRepository(session).create_many([{"title": "Tunnel"}]),
    "an update": lambda session, tender_id: TenderRepository(session).update(tender_id, title="Changed"),
    "a deletion": lambda session, tender_id: TenderRepository(session).soft_delete(tender_id),
    "a claim": lambda session, _: TenderRepository(session).claim(limit=1),
    "an object that was changed": change,
    "a statement": lambda session, _: session.exec(update(Tender).values(title="Changed")),  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    "a lock": lambda session, _: session.exec(select(Tender).with_for_update()).all(),
    "the session within": lambda session, _: TenderRepository(session).session.add(Tender(title="Tunnel")),
}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED.keys())
def test_what_writes_or_locks_is_refused_in_words(
    domain_db: Database, bridge: Tender, write: Callable[[ReadSession, int], object]
) -> None:
    with (
        pytest.raises(ReadOnlySessionError, match=r"do it in tenant\.session\(\); nothing was written"),
        domain_db.tenant(1).read_session() as session,
    ):
        write(session, bridge.id)
    assert stored(domain_db) == [("Bridge", False)]


@pytest.mark.parametrize("name", WRITES)
def test_it_has_no_writing_method_and_says_so(domain_db: Database, name: str) -> None:
    assert hasattr(TenantSession, name)
    with domain_db.tenant(1).read_session() as session:
        assert not hasattr(session, name)
        with pytest.raises(AttributeError, match=rf"a read session has no '{name}': it only reads"):
            getattr(session, name)


def test_the_connection_writes_again_for_the_next_session(domain_db: Database, bridge: Tender) -> None:
    for number in range(30):
        with domain_db.tenant(1).read_session() as session:
            assert TenderRepository(session).count() == 1 + number
        domain_db.tenant(1).run(lambda other: TenderRepository(other).create(title="Tunnel"))
    assert len(stored(domain_db)) == 31


def test_postgresql_itself_lets_no_text_write_in_one(domain_postgresql: Database) -> None:
    for attempt in ("", "SET TRANSACTION READ WRITE; ", "SET LOCAL transaction_read_only = off; "):
        session = TenantSession(domain_postgresql.engine, organization_id=1, unguarded_sql=True, reads_only=True)
        with session:
            session.connection().execute(text("SELECT count(*) FROM tenders"))
            with pytest.raises((ReadOnlySessionError, InternalError)):
                session.connection().execute(
                    text(f"{attempt}INSERT INTO tenders (organization_id, title) VALUES (1, 'x')")
                )
    assert stored(domain_postgresql) == []


def test_it_is_closed_for_good_at_the_end_of_its_block(domain_db: Database, bridge: Tender) -> None:
    with domain_db.tenant(1).read_session() as session:
        tenders = TenderRepository(session)
        found = tenders.require(bridge.id)
    assert found.title == "Bridge"
    with pytest.raises(SessionClosedError):
        tenders.get(bridge.id)
    assert "checked out connections: 0" in domain_db.engine.pool.status().lower()


def test_a_deleted_organization_is_not_read(domain_db: Database, bridge: Tender) -> None:
    domain_db.tenant(1).run(lambda session: OrganizationRepository(session).soft_delete(1))
    with pytest.raises(OrganizationDeletedError), domain_db.tenant(1).read_session() as session:
        TenderRepository(session).count()


def test_a_read_only_server_is_not_taken_for_a_read_session(domain_postgresql: Database) -> None:
    with TenantSession(domain_postgresql.engine, organization_id=1, unguarded_sql=True) as session:
        session.connection().execute(text("SET TRANSACTION READ ONLY"))
        with pytest.raises(UnavailableError, match="the database is read-only"):
            TenderRepository(session).create(title="Bridge")


def test_a_read_session_sees_positions_of_its_organization_and_of_sessions_that_are_bound_to_none() -> None:
    replicas = Replicas([], 10)
    assert replicas.position(1) == 0
    replicas.note(1, 30)
    replicas.note(1, 20)
    replicas.note(2, 40)
    assert (replicas.position(1), replicas.position(2), replicas.position(3)) == (30, 40, 0)
    replicas.note(None, 35)
    assert (replicas.position(1), replicas.position(2), replicas.position(3)) == (35, 40, 35)


@pytest.mark.parametrize("by", [1, None])
def test_a_position_that_is_unknown_is_beyond_all_until_a_later_one_is_known(by: int | None) -> None:
    replicas = Replicas([], 10)
    replicas.note(by, 30)
    replicas.note(by, inf)
    assert replicas.position(1) == inf
    for earlier in (10, 30):  # by a thread that was late to note it
        replicas.note(by, earlier)
        assert replicas.position(1) == inf
    replicas.note(by, 50)
    assert replicas.position(1) == 50
    replicas.note(by, 40)
    assert replicas.position(1) == 50
