"""``Database.tenant``: what a request holds instead of a session."""

import asyncio
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from domain import (
    ArgumentError,
    AuditRepository,
    Database,
    DuplicateError,
    OrganizationRepository,
    TenantRequiredError,
    TenantSession,
    Tender,
    TenderRepository,
    UnavailableError,
    UserRepository,
)
from domain.kit.database import units


def create(session: TenantSession) -> Tender:
    return TenderRepository(session).create(title="Bridge")


def titles(session: TenantSession) -> list[str]:
    return [tender.title for tender in TenderRepository(session).find()]


def test_a_handle_opens_sessions_of_its_organization_actor_and_request(domain_db: Database) -> None:
    acme = domain_db.tenant(1, actor="user:12", request_id="r-1")
    with acme.session() as session:
        tender = create(session)
    with acme.session() as session:
        (entry,) = AuditRepository(session).page(entity=Tender, row_id=tender.id).items
    assert (entry.organization_id, entry.actor, entry.request_id) == (1, "user:12", "r-1")
    assert acme.run(titles) == ["Bridge"]
    assert domain_db.tenant(2).run(titles) == []


def test_a_handle_rolls_back_what_fails(domain_db: Database) -> None:
    acme = domain_db.tenant(1)

    def fail(session: TenantSession) -> None:
        create(session)
        raise LookupError

    with pytest.raises(LookupError):
        acme.run(fail)
    with pytest.raises(LookupError):
        asyncio.run(acme.arun(fail))
    assert acme.run(titles) == []


def test_a_handle_holds_no_connection(domain_db: Database) -> None:
    acme = domain_db.tenant(1)
    acme.run(create)
    assert asyncio.run(acme.arun(titles)) == ["Bridge"]
    assert "checked out connections: 0" in domain_db.engine.pool.status().lower()


def test_handles_are_compared_by_value_and_show_no_url(domain_db: Database) -> None:
    one, same = domain_db.tenant(1, actor="a"), domain_db.tenant(1, actor="a")
    assert one == same
    assert len({one, same, domain_db.tenant(1, actor="b"), domain_db.tenant(2, actor="a")}) == 3
    assert repr(one) == "TenantHandle(organization_id=1, actor='a', request_id=None)"


def test_a_handle_is_not_pickled_and_says_what_to_send(domain_db: Database) -> None:
    with pytest.raises(TypeError, match="send its organization_id, actor and request_id"):
        pickle.dumps(domain_db.tenant(1))


@pytest.mark.parametrize("name", ["actor", "request_id"])
def test_a_name_that_the_trail_could_not_hold_is_refused_where_it_is_given(domain_db: Database, name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        domain_db.tenant(1, **{name: "x" * 256})


def test_a_sign_up_starts_without_an_organization(domain_db: Database) -> None:
    def sign_up(session: TenantSession) -> int:
        organization = OrganizationRepository(session).create(name="Third", slug="third")
        users = UserRepository(session)
        users.create(email="ann@example.org", full_name="Ann", hashed_password="hash", organization_id=organization.id)
        return organization.id

    organization_id = domain_db.start(sign_up, actor="sign-up")
    with domain_db.tenant(organization_id).session() as session:
        assert [user.email for user in UserRepository(session).find()] == ["ann@example.org"]
    with pytest.raises(DuplicateError):
        asyncio.run(domain_db.astart(sign_up))
    with pytest.raises(TenantRequiredError):
        domain_db.start(create)


def test_starting_repeats_what_may_be_repeated(domain_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "FIRST_PAUSE_SECONDS", 0.0)
    seen: list[TenantSession] = []

    def unit(session: TenantSession) -> int:
        seen.append(session)
        if len(seen) < 3:
            raise UnavailableError("busy", retryable=True)
        return 7

    assert domain_db.start(unit) == 7
    assert len(set(map(id, seen))) == 3


def test_there_are_as_many_threads_as_connections(domain_postgresql: Database) -> None:
    """asyncio's own executor has six on two cores: units that meet each other would wait for good."""
    acme = domain_postgresql.tenant(1)
    meeting = threading.Barrier(20)

    def meet(session: TenantSession) -> int:
        tender = create(session)
        meeting.wait(timeout=30)
        return tender.id

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(acme.arun(meet) for _ in range(meeting.parties)))

    assert len(set(asyncio.run(all_at_once()))) == meeting.parties


def test_more_units_than_connections_wait_for_their_turn(domain_postgresql: Database) -> None:
    url = domain_postgresql.engine.url.render_as_string(hide_password=False)
    with Database(url, pool_size=1, max_overflow=1, pool_timeout=0.01) as narrow:

        async def all_at_once() -> list[Tender]:
            return await asyncio.gather(*(narrow.tenant(1).arun(create) for _ in range(20)))

        assert len({tender.id for tender in asyncio.run(all_at_once())}) == 20


_context: ContextVar[str] = ContextVar("_context")


def test_a_unit_in_a_thread_sees_the_context_variables_of_its_caller(domain_sqlite: Database) -> None:
    _context.set("here")
    assert asyncio.run(domain_sqlite.tenant(1).arun(lambda _: _context.get())) == "here"


def test_a_closed_database_has_no_threads_left_and_may_be_used_again(domain_sqlite: Database) -> None:
    acme = domain_sqlite.tenant(1)
    asyncio.run(acme.arun(create))
    domain_sqlite.close()
    assert asyncio.run(acme.arun(titles)) == ["Bridge"]
    domain_sqlite.close()
    assert domain_sqlite.engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # QueuePool's


def test_handles_may_be_used_by_several_threads_at_once(domain_db: Database) -> None:
    acme = domain_db.tenant(1)
    with ThreadPoolExecutor(8) as pool:
        made = [future.result().id for future in [pool.submit(acme.run, create) for _ in range(24)]]
    assert len(set(made)) == len(acme.run(titles)) == 24
