"""The server's log holds no secret: of a refused statement it has the error, once, and nothing of the statement."""

from collections.abc import Callable, Iterator
from itertools import count
from threading import Barrier, Thread
from typing import Any, ClassVar

import pytest
from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from domain import (
    Database,
    DomainError,
    DuplicateError,
    TenantEntity,
    TenantRepository,
    TenantSession,
    Tender,
    Text,
    UnavailableError,
    User,
    UserRepository,
    live_unique,
    tenant_key,
)
from domain.testing import Cluster, postgresql_database

_numbers = count(1)
SECRET = "zq81"  # in every hash and token
HASH = f"$argon2id$v=19$m=65536${SECRET}"


class Access(TenantEntity, table=True):
    """What a machine logs in with."""

    __tablename__ = "test_accesses"
    __table_args__: ClassVar[Any] = (
        live_unique("name"),
        CheckConstraint("token NOT LIKE '% %'", name="token_is_one_word"),
    )
    name: Text = Field(max_length=20)
    token: Text = Field(max_length=100, exclude=True)
    tender_id: int | None = tenant_key(Tender, default=None)


class AccessRepository(TenantRepository[Access]):
    """The accesses of one organization."""

    model = Access


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of its own, which says a lot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TEST_DATABASE_URL", raising=False)
        with Cluster(settings={"deadlock_timeout": "50ms", "log_lock_waits": "on"}) as cluster:
            yield cluster


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[Database]:
    """Organization 1 has a user and an access."""
    with postgresql_database(cluster) as made:
        with made.get_session(organization_id=1) as session:
            for name in ("ann", "bob"):
                UserRepository(session).create(
                    email=f"{name}@example.org", full_name=name, hashed_password=f"{HASH}{name}"
                )
            AccessRepository(session).add(access())
        yield made


def access(name: str = "taken", token: str = SECRET) -> Access:
    return Access(name=name, token=token)


def user(email: str = "ann@example.org") -> User:
    return User(email=email, full_name="Ann", hashed_password=HASH)


def execute(session: TenantSession, sql: str) -> None:
    session.connection().execute(text(sql))


def change_password(session: TenantSession, email: str) -> None:
    found = UserRepository(session).get_by_email(email)
    assert found is not None
    found.hashed_password = f"{HASH}{next(_numbers)}"
    session.flush()


def restore_onto_taken(session: TenantSession) -> None:
    accesses = AccessRepository(session)
    old = accesses.add(access("again"))
    accesses.soft_delete(old.id)
    accesses.add(access("again"))
    accesses.restore(old.id)


def save_stale(session: TenantSession) -> None:
    (found,) = AccessRepository(session).find()
    execute(session, f"UPDATE test_accesses SET version = version + 1 WHERE id = {found.id}")
    found.token = SECRET * 2
    session.flush()


def flush_added(session: TenantSession) -> None:
    session.add(user())
    session.flush()


INSERT = "INSERT INTO test_accesses (organization_id, name, token, tender_id) VALUES"
BROKEN = f"{SECRET} {SECRET}"
REFUSALS: dict[str, tuple[Callable[[TenantSession], object], int]] = {
    "sign-up with a taken email": (lambda session: UserRepository(session).add(user()), 1),
    "the same by a flush": (flush_added, 1),
    "the same in bulk": (lambda session: UserRepository(session).create_many([user("a@example.org"), user()]), 1),
    "taken name": (lambda session: AccessRepository(session).add(access()), 1),
    "taken name in bulk": (
        lambda session: AccessRepository(session).create_many([{"name": "taken", "token": SECRET}]),
        1,
    ),
    "restore onto a taken name": (restore_onto_taken, 1),
    "CHECK": (lambda session: AccessRepository(session).add(access("free", BROKEN)), 1),
    "CHECK in put": (lambda session: AccessRepository(session).put(access("taken", BROKEN)), 1),
    "CHECK in upsert": (
        lambda session: AccessRepository(session).upsert_many([{"name": "taken", "token": BROKEN}]),
        1,
    ),
    "CHECK in bulk": (lambda session: AccessRepository(session).create_many([access("free", BROKEN)]), 1),
    "NOT NULL": (lambda session: execute(session, f"{INSERT} (1, NULL, '{SECRET}', NULL)"), 1),
    "missing parent": (lambda session: execute(session, f"{INSERT} (1, 'free', '{SECRET}', 4711)"), 1),
    "missing parent, seen before": (
        lambda session: AccessRepository(session).add(Access(name="free", token=SECRET, tender_id=4711)),
        0,
    ),
    "too long": (lambda session: execute(session, f"{INSERT} (1, 'free', '{SECRET * 50}', NULL)"), 1),
    "row level security": (lambda session: execute(session, f"{INSERT} (2, 'free', '{SECRET}', NULL)"), 1),
    "stale version": (save_stale, 0),
    "out of range": (lambda session: execute(session, f"UPDATE test_accesses SET token = '{SECRET}', id = id / 0"), 1),
}


def run(database: Database, unit: Callable[[TenantSession], object]) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        unit(session)


def errors(log: str) -> list[str]:
    return [line for line in log.splitlines() if " ERROR: " in line or " FATAL: " in line]


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_one_line_of_the_servers_log_without_the_secret(
    case: str, database: Database, cluster: Cluster
) -> None:
    refused, lines = REFUSALS[case]
    before = len(cluster.log)
    with pytest.raises(DomainError):
        run(database, refused)
    said = cluster.log[before:]
    assert len(errors(said)) == lines, said
    assert SECRET not in said


def test_a_deadlock_shows_neither_statement(database: Database, cluster: Cluster) -> None:
    before, meet, gave_up = len(cluster.log), Barrier(2), list[UnavailableError]()

    def swap(first: str, second: str) -> None:
        try:
            with database.get_session(organization_id=1) as session:
                change_password(session, first)
                meet.wait(timeout=60)
                change_password(session, second)
        except UnavailableError as error:
            gave_up.append(error)

    emails = ["ann@example.org", "bob@example.org"]
    threads = [Thread(target=swap, args=args) for args in (emails, reversed(emails))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = cluster.log[before:]
    assert len(gave_up) == len(errors(said)) == 1
    assert SECRET not in said


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_who_waits_for_too_long_shows_nothing(limit: str, database: Database, cluster: Cluster) -> None:
    before = len(cluster.log)

    def wait(session: TenantSession) -> None:
        execute(session, f"SET LOCAL {limit} = '100ms'")
        change_password(session, "ann@example.org")

    with database.get_session(organization_id=1) as holding:
        change_password(holding, "ann@example.org")
        with pytest.raises(UnavailableError):
            run(database, wait)
    said = cluster.log[before:]
    assert "still waiting" in said
    assert len(errors(said)) == 1
    assert SECRET not in said


def test_who_is_sent_away_shows_nothing(database: Database, cluster: Cluster) -> None:
    before, end = len(cluster.log), text("SELECT pg_terminate_backend(pg_backend_pid()), :secret")
    with pytest.raises(UnavailableError), database.engine.connect() as connection:
        connection.execute(end, {"secret": SECRET})
    said = cluster.log[before:]
    assert len(errors(said)) == 1
    assert SECRET not in said


def test_the_systems_login_shows_nothing_either(database: Database, cluster: Cluster) -> None:
    before = len(cluster.log)

    def copy() -> None:
        with database.system_session(actor="tests", reason="a copy") as system, system.as_organization(1) as session:
            AccessRepository(session).add(access())

    with pytest.raises(DuplicateError):
        copy()
    said = cluster.log[before:]
    assert len(errors(said)) == 1
    assert SECRET not in said
