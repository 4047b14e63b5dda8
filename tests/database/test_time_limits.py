"""No organization's open transaction holds another up for good: waiting, working and resting have their limits."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import event, text

from domain import Database, OutcomeUnknownError, TenantSession, TenderRepository, UnavailableError
from domain.ingest import import_paths
from domain.limits import TimeLimits
from domain.migrations import current, downgrade, head, upgrade
from domain.retention import purge
from domain.testing import Cluster
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM
from domain.users.repository import UserRepository

NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
SHOW = text("SELECT " + ", ".join(f"current_setting('{name}')" for name in NAMES))
SHORT = TimeLimits(lock_timeout_seconds=0.2, statement_timeout_seconds=0.2, idle_in_transaction_timeout_seconds=0.2)


@pytest.fixture
def opened(domain_postgresql: Database, domain_cluster: Cluster) -> Iterator[Callable[..., Database]]:
    """The database anew, with other limits."""
    made: list[Database] = []

    def open_(time_limits: TimeLimits | None = None, system_time_limits: TimeLimits | None = None) -> Database:
        name = domain_postgresql.engine.url.database or ""
        made.append(
            Database(
                domain_cluster.url(name, APPLICATION),
                system_database_url=domain_cluster.url(name, SYSTEM),
                time_limits=time_limits,
                system_time_limits=system_time_limits,
            )
        )
        return made[-1]

    yield open_
    for database in made:
        database.close()


def held(session: TenantSession) -> list[str]:
    return list(session.connection().execute(SHOW).one())


def of_application(database: Database, limits: TimeLimits | None = None) -> list[str]:
    with database.get_session(organization_id=1, unguarded_sql=True, time_limits=limits) as session:
        return held(session)


def of_system(database: Database, limits: TimeLimits | None = None) -> list[str]:
    with database.system_session(actor="test", reason="test", time_limits=limits) as system:
        return list(system.connection().execute(SHOW).one())


def test_each_login_has_limits_of_its_own(opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch) -> None:
    database = opened()
    assert of_application(database) == ["10s", "1min", "1min"]
    assert of_system(database) == ["10s", "10min", "1min"]
    assert of_application(opened(TimeLimits(statement_timeout_seconds=0))) == ["10s", "0", "1min"]
    assert of_system(opened(None, TimeLimits(lock_timeout_seconds=1.5))) == ["1500ms", "10min", "1min"]
    monkeypatch.setenv("DOMAIN_LOCK_TIMEOUT_SECONDS", "2")
    monkeypatch.setenv("DOMAIN_STATEMENT_TIMEOUT_SECONDS", "3")
    monkeypatch.setenv("DOMAIN_SYSTEM_IDLE_IN_TRANSACTION_TIMEOUT_SECONDS", "4")
    database = opened(TimeLimits(lock_timeout_seconds=7))
    assert of_application(database) == ["7s", "3s", "1min"]
    assert of_system(database) == ["10s", "10min", "4s"]


def test_a_session_may_have_its_own(opened: Callable[..., Database]) -> None:
    database = opened()
    limits = TimeLimits(statement_timeout_seconds=0, lock_timeout_seconds=0.0001)
    assert of_application(database, limits) == ["1ms", "0", "1min"]
    assert of_system(database, limits) == ["1ms", "0", "1min"]
    assert of_application(database) == ["10s", "1min", "1min"]
    with database.get_session(organization_id=1, unguarded_sql=True, time_limits=limits) as session:
        assert held(session) == ["1ms", "0", "1min"]
        session.rollback()
        nested = session.begin_nested()
        assert held(session) == ["1ms", "0", "1min"]
        nested.rollback()
        assert held(session) == ["1ms", "0", "1min"]


def test_the_engine_itself_has_them(opened: Callable[..., Database]) -> None:
    with opened().engine.connect() as connection:
        assert list(connection.execute(SHOW).one()) == ["10s", "1min", "1min"]
        assert list(connection.execute(SHOW).one()) == ["10s", "1min", "1min"]


@pytest.mark.parametrize("name", list(TimeLimits.model_fields))
@pytest.mark.parametrize("wrong", [-1, float("inf"), float("nan"), 2_147_484, "soon"])
def test_what_is_no_limit_is_refused(name: str, wrong: object) -> None:
    with pytest.raises(ValidationError):
        TimeLimits.model_validate({name: wrong})


# -- one organization waits for another -------------------------------------------------------------------------

EMAIL = "ann@example.org"


def sign_up(session: TenantSession) -> None:
    """An address is unique in the whole system: a second one waits for the transaction of the first."""
    UserRepository(session).create(email=EMAIL, hashed_password="x", full_name="Ann")


def test_a_lock_that_another_organization_keeps_is_waited_for_no_longer_than_the_limit(
    domain_postgresql: Database, opened: Callable[..., Database]
) -> None:
    waiting = opened(TimeLimits(lock_timeout_seconds=0.2))
    with domain_postgresql.get_session(organization_id=1) as session:
        sign_up(session)
        with pytest.raises(UnavailableError, match=r"TimeLimits\.lock_timeout_seconds") as caught:
            waiting.run(sign_up, organization_id=2, attempts=1)
        assert "DOMAIN_LOCK_TIMEOUT_SECONDS" in str(caught.value)
        assert caught.value.retryable
        assert EMAIL not in str(caught.value)


def test_an_organization_that_rests_in_its_transaction_loses_its_locks_to_the_other(
    domain_postgresql: Database, opened: Callable[..., Database]
) -> None:
    resting = opened(TimeLimits(idle_in_transaction_timeout_seconds=0.2))

    def rest(session: TenantSession) -> None:
        sign_up(session)
        domain_postgresql.run(sign_up, organization_id=2)  # waits until the first is ended
        UserRepository(session).list_by_organization()

    with pytest.raises(UnavailableError, match="idle_in_transaction_timeout_seconds") as caught:
        resting.run(rest, organization_id=1)
    assert "DOMAIN_IDLE_IN_TRANSACTION_TIMEOUT_SECONDS" in str(caught.value)
    assert not caught.value.retryable
    found = domain_postgresql.find_login(EMAIL)
    assert found is not None
    assert found.organization_id == 2
    with resting.get_session(organization_id=1) as session:
        assert UserRepository(session).list_by_organization() == []


def test_a_commit_after_too_long_a_rest_is_known_to_have_stored_nothing(
    domain_postgresql: Database, opened: Callable[..., Database]
) -> None:
    resting = opened(TimeLimits(idle_in_transaction_timeout_seconds=0.2))

    def rest(session: TenantSession) -> None:
        sign_up(session)
        domain_postgresql.run(sign_up, organization_id=2)

    with pytest.raises(UnavailableError, match="rested for too long") as caught:
        resting.run(rest, organization_id=1)
    assert not isinstance(caught.value, OutcomeUnknownError)


def test_a_statement_that_takes_too_long_is_ended(opened: Callable[..., Database]) -> None:
    database = opened(SHORT)
    session = TenantSession(database.engine, organization_id=1, unguarded_sql=True)
    with session, pytest.raises(UnavailableError, match=r"TimeLimits\.statement_timeout_seconds") as caught:
        session.connection().execute(text("SELECT pg_sleep(600)"))
    assert "DOMAIN_STATEMENT_TIMEOUT_SECONDS" in str(caught.value)
    assert not caught.value.retryable
    with pytest.raises(UnavailableError), database.engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(600)"))


def test_a_read_outside_a_transaction_has_the_limits_too(
    domain_postgresql: Database, opened: Callable[..., Database]
) -> None:
    waiting = opened(TimeLimits(lock_timeout_seconds=0.2))
    with domain_postgresql.migration_engine.begin() as connection:
        connection.execute(text("LOCK TABLE tenders IN ACCESS EXCLUSIVE MODE"))
        with waiting.get_session(organization_id=1) as session:
            with pytest.raises(UnavailableError, match="lock_timeout_seconds"):
                TenderRepository(session).count()
            session.rollback()


# -- what takes long by its nature ------------------------------------------------------------------------------


def test_a_migration_has_no_limit_but_its_own(domain_cluster: Cluster) -> None:
    name = domain_cluster.create()
    tiny = TimeLimits(statement_timeout_seconds=0.001, lock_timeout_seconds=0.001)
    url = domain_cluster.url(name, OWNER)
    with Database(url, time_limits=tiny) as database:
        upgrade(database.migration_engine)
        assert current(database.migration_engine) == head()
        with database.migration_engine.connect() as connection:  # and what comes after it has the login's again
            assert connection.execution_options(isolation_level="AUTOCOMMIT").scalar(text("SELECT 1")) == 1
        with pytest.raises(UnavailableError), database.engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(600)"))
    with Database(url, migration_time_limits=tiny) as database, pytest.raises(Exception, match="took too long"):
        downgrade(database.migration_engine, "base")
    domain_cluster.drop(name)


@contextmanager
def noted(database: Database) -> Generator[set[str]]:
    """The statement_timeout of each statement of its sessions."""
    found = set[str]()
    engine = database.system_engine or database.engine

    def note(connection: object, cursor: object, *_: object) -> None:
        limits = getattr(getattr(cursor, "connection", None), "_settings", {})
        found.add(limits.get("statement_timeout", ""))

    for each in {engine, database.engine}:
        event.listen(each, "before_cursor_execute", note)
    yield found


def test_imports_and_purges_have_none_for_statements(domain_postgresql: Database, tmp_path: Path) -> None:
    (tmp_path / "release.json").write_text(
        '{"ocid": "a-1", "id": "1", "date": "2026-11-02T08:00:00Z", "tag": ["tender"], "tender": {"title": "Bridge"}}'
    )
    with noted(domain_postgresql) as found:
        assert import_paths(domain_postgresql, [tmp_path / "release.json"], organization_id=1).created == 1
    assert found == {"SET LOCAL statement_timeout = '0'; "}


def test_a_purge_has_none_for_statements(domain_postgresql: Database) -> None:
    with domain_postgresql.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
        TenderRepository(session).soft_delete(tender.id)
    with noted(domain_postgresql) as found:
        assert purge(domain_postgresql, actor="test", older_than_days=0).rows == 1
    assert "SET LOCAL statement_timeout = '0'; " in found


# -- SQLite: one limit ------------------------------------------------------------------------------------------


def busy_timeout(database: Database) -> object:
    with database.engine.connect() as connection:
        return connection.scalar(text("PRAGMA busy_timeout"))


def test_on_sqlite_it_is_the_wait_for_the_other_writer(
    domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = domain_sqlite.engine.url.render_as_string()
    assert busy_timeout(domain_sqlite) == 30_000
    for limits, expected in (
        (TimeLimits(lock_timeout_seconds=1.5), 1500),
        (TimeLimits(lock_timeout_seconds=0), 2**31 - 1),
    ):
        with Database(url, time_limits=limits) as database:
            assert busy_timeout(database) == expected
    monkeypatch.setenv("DOMAIN_LOCK_TIMEOUT_SECONDS", "0.02")
    with Database(url) as impatient, domain_sqlite.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="held")
        with pytest.raises(UnavailableError, match="busy") as caught, impatient.get_session(organization_id=2) as other:
            TenderRepository(other).create(title="waits")
        assert caught.value.retryable
