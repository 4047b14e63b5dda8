"""The organization travels with a transaction's first statement, at no cost, and is gone when the transaction ends."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import col, select, update

from domain import Database, DuplicateError, Organization, TenantSession, Tender, TenderRepository
from domain.errors import SessionClosedError
from domain.kit.database import postgresql
from domain.kit.database.one_message import OneMessageConnection, OneMessageCursor
from domain.kit.repository import AuditRepository
from domain.organizations.repository import OrganizationRepository
from domain.testing import Cluster, build
from domain.testing.cluster import APPLICATION
from tests.isolation.conftest import few_connections

SETTING = "SET LOCAL app.organization_id = '1'; "
NOBODY = "SET LOCAL app.actor = ''; SET LOCAL app.request_id = ''; "
LIMITS = (
    "SET LOCAL lock_timeout = 10000; SET LOCAL statement_timeout = 60000; "
    "SET LOCAL idle_in_transaction_session_timeout = 60000; "
)
SETTINGS = f"{SETTING}{NOBODY}{LIMITS}"
BEGIN = f"BEGIN; {SETTINGS}"
ENOUGH = 3


def recording(sent: list[str]) -> tuple[type[OneMessageConnection], type[OneMessageCursor]]:
    """A connection that notes each message it sends."""

    class RecordingCursor(OneMessageCursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  # psycopg2's name
            super().execute(query, vars)
            sent.append((self.query or b"").decode())

        def executemany(self, query: Any, vars_list: Any) -> None:
            super().executemany(query, vars_list)
            sent.append(f"executemany {query}")

    class RecordingConnection(OneMessageConnection):
        def _run(self, command: str) -> None:
            super()._run(command)
            sent.append(command)

    return RecordingConnection, RecordingCursor


@pytest.fixture(scope="module")
def every_sent() -> list[str]:
    """What was ever sent over the one connection."""
    return []


@pytest.fixture(scope="module")
def one_connection(domain_cluster: Cluster, postgresql_name: str, every_sent: list[str]) -> Iterator[Database]:
    """A pool of one connection, in which organization 1 has tenders and organization 2 has one."""
    with few_connections(domain_cluster.url(postgresql_name, APPLICATION), connections=1) as database:
        connection, cursor = recording(every_sent)

        @event.listens_for(database.engine, "do_connect")
        def _record(_dialect: object, _record: object, _arguments: object, keywords: dict[str, object]) -> None:
            keywords.update(connection_factory=connection, cursor_factory=cursor)

        for organization_id, number in ((1, ENOUGH), (2, 1)):
            with database.get_session(organization_id=organization_id) as session:
                words = [f"word-{n}" for n in range(number)]
                TenderRepository(session).create_many(build(Tender, title="Bridge", external_id=w) for w in words)
        yield database


@pytest.fixture
def sent(one_connection: Database, every_sent: list[str]) -> list[str]:
    """What is sent from here on, over a connection that stands."""
    raw(one_connection)
    every_sent.clear()
    return every_sent


# -- nothing survives -------------------------------------------------------------------------------------------


def raw(database: Database) -> tuple[int, object, int]:
    """The pooled connection as the next one finds it: its backend, the setting, and how many tenders it sees."""
    statement = "SELECT pg_backend_pid(), current_setting('app.organization_id', true), (SELECT count(*) FROM tenders)"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:  # no settings of ours
        backend, setting, count = connection.execute(text(statement)).one()
        return backend, setting, count


def used(session: TenantSession) -> TenantSession:
    assert TenderRepository(session).count(org_id=1) == ENOUGH
    return session


def committed(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        used(session)


def bound_by_argument(database: Database) -> None:
    with database.get_session() as session:
        used(session)


def committed_midway(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        used(session).commit()
        used(session)


def rolled_back(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        used(session).rollback()


def failed(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() // 0


def refused_by_the_database(database: Database) -> None:
    with pytest.raises(DuplicateError), database.get_session(organization_id=1) as session:
        TenderRepository(used(session)).create(title="Bridge", external_id="word-0")


def closed(database: Database) -> None:
    with pytest.raises(SessionClosedError), database.get_session(organization_id=1) as session:
        used(session).close()


def returned_generator(database: Database) -> None:
    """As a web framework's dependency, thrown away halfway."""

    def dependency() -> Generator[TenantSession]:
        with database.get_session(organization_id=1) as session:
            yield session

    opened = dependency()
    used(next(opened))
    opened.close()


def forgotten_generator(database: Database) -> None:
    opened = database.get_session(organization_id=1)
    used(opened.__enter__())
    del opened


def stream_left_halfway(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        assert next(iter(TenderRepository(session).stream(batch_size=1))).title == "Bridge"


def savepoint_left_open(database: Database) -> None:
    with database.get_session() as session:
        session.begin_nested()
        used(session)
        session.rollback()


@pytest.mark.parametrize(
    "ends",
    [
        committed,
        bound_by_argument,
        committed_midway,
        rolled_back,
        failed,
        refused_by_the_database,
        closed,
        returned_generator,
        forgotten_generator,
        stream_left_halfway,
        savepoint_left_open,
    ],
)
def test_nothing_survives_on_the_connection(one_connection: Database, ends: Callable[[Database], None]) -> None:
    backend, _, _ = raw(one_connection)
    ends(one_connection)
    same, setting, count = raw(one_connection)
    assert same == backend
    assert not setting
    assert count == 0
    with one_connection.get_session(organization_id=2) as session:
        assert TenderRepository(session).count() == 1


def test_a_setting_of_the_whole_connection_would_survive(
    one_connection: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the test above looks for is there to be found, where connections forget nothing."""

    def leaves_nothing(_context: object) -> bool:
        return True

    monkeypatch.setattr(postgresql, "leaves_nothing", leaves_nothing)
    with one_connection.engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.organization_id', '1', false)"))
    try:
        assert raw(one_connection)[1:] == ("1", ENOUGH)
    finally:
        one_connection.engine.dispose()


def test_an_actor_that_survived_does_not_sign_for_another(
    one_connection: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through PgBouncer, where a plain SET stays with the server's connection."""

    def leaves_nothing(_context: object) -> bool:
        return True

    monkeypatch.setattr(postgresql, "leaves_nothing", leaves_nothing)
    with one_connection.engine.begin() as connection:
        connection.execute(text("SET app.actor = 'boss'; SET app.request_id = 'r1'"))
    try:
        with one_connection.get_session(organization_id=2) as session:
            tender = TenderRepository(session).create(title="Tunnel")
            (entry,) = AuditRepository(session).page(entity=Tender, row_id=tender.id).items
            assert (entry.actor, entry.request_id) == (None, None)
            session.rollback()
    finally:
        one_connection.engine.dispose()


# -- no round trip of its own -----------------------------------------------------------------------------------


def test_a_unit_that_only_reads_sends_the_setting_with_each_statement_and_nothing_else(
    one_connection: Database, sent: list[str]
) -> None:
    with one_connection.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == ENOUGH
        assert len(TenderRepository(session).find()) == ENOUGH
    assert [statement.startswith(f"{SETTINGS}SELECT") for statement in sent] == [True, True]


def test_begin_and_the_setting_travel_with_the_first_write(one_connection: Database, sent: list[str]) -> None:
    with one_connection.get_session(organization_id=1) as session:
        for _ in range(2):
            session.add(build(Tender, title="Tunnel"))
            session.flush()
            assert TenderRepository(session).count() == ENOUGH + 1
            session.rollback()
    insert, count, end, *again = sent
    assert insert.startswith(f"{BEGIN}INSERT INTO tenders")
    assert count.startswith("SELECT count(")
    assert end == "ROLLBACK"
    assert len(again) == 3
    assert again[0].startswith(f"{BEGIN}INSERT INTO tenders")


def test_what_was_read_before_the_first_write_is_in_no_transaction_and_what_comes_after_it_is(
    one_connection: Database, sent: list[str]
) -> None:
    with one_connection.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.count() == ENOUGH
        tender = tenders.create(title="Tunnel")
        assert tenders.count() == ENOUGH + 1
        session.rollback()
        assert tenders.get(tender.id) is None
    starts = (f"{SETTINGS}SELECT", f"{BEGIN}INSERT", "SELECT", "ROLLBACK", f"{SETTINGS}SELECT")
    assert len(sent) == len(starts)
    assert all(statement.startswith(start) for statement, start in zip(sent, starts, strict=True))


def test_what_is_written_by_hand_is_in_a_transaction(one_connection: Database, sent: list[str]) -> None:
    """Whoever reads it can't tell whether it locks, or calls a function that writes."""
    with one_connection.get_session(organization_id=1) as session:
        assert len(session.exec(select(Tender.id)).all()) == ENOUGH
        assert TenderRepository(session).count(col(Tender.title) == "Bridge") == ENOUGH
    first, second, end = sent
    assert first.startswith(f"{BEGIN}SELECT")
    assert second.startswith("SELECT")
    assert end == "COMMIT"


def test_a_level_stricter_than_read_committed_has_its_reads_in_the_transaction(
    one_connection: Database, sent: list[str]
) -> None:
    strict = {"isolation_level": "SERIALIZABLE"}
    with one_connection.get_session(organization_id=1, unguarded_sql=True) as session:
        level = session.connection(execution_options=strict).scalar(text("SHOW transaction_isolation"))
        assert level == "serializable"
        session.rollback()
        sent.clear()
        session.connection(execution_options=strict)
        assert TenderRepository(session).count() == ENOUGH
    assert [statement.partition(" ")[0] for statement in sent] == ["BEGIN", "COMMIT"]


def test_a_text_setting_travels_quoted(one_connection: Database, sent: list[str]) -> None:
    with one_connection.get_session() as session:
        assert session.look_up(Organization, "slug", "it's 100% \\ 'quoted'") is None
        assert session.look_up(Organization, "slug", "second") is not None
    assert len(sent) == 2


def test_binding_in_a_transaction_sends_it_with_the_next_statement(one_connection: Database, sent: list[str]) -> None:
    with one_connection.get_session() as session, session.begin_nested():
        assert OrganizationRepository(session).get_by_slug("second") is not None
        sent.clear()
        assert TenderRepository(session).count(org_id=1) == ENOUGH
        assert TenderRepository(session).count() == ENOUGH
    assert [SETTING in statement for statement in sent] == [True, False, False, False]
    assert sent[2].startswith("RELEASE SAVEPOINT")
    assert sent[3] == "COMMIT"


def test_a_rollback_to_a_savepoint_sends_it_again(one_connection: Database, sent: list[str]) -> None:
    """Bound before the savepoint or in it."""
    with one_connection.get_session() as session:
        for _ in range(2):
            nested = session.begin_nested()
            assert TenderRepository(session).count(org_id=1) == ENOUGH
            nested.rollback()
        sent.clear()
        assert TenderRepository(session).count() == ENOUGH
        assert TenderRepository(session).count() == ENOUGH
    assert [statement.startswith(SETTING) for statement in sent] == [True, False, False]
    assert sent[2] == "COMMIT"


def test_an_error_in_a_savepoint_sends_it_again(one_connection: Database, sent: list[str]) -> None:
    with one_connection.get_session() as session:
        with pytest.raises(DuplicateError), session.begin_nested():
            TenderRepository(session).add(build(Tender, organization_id=1, external_id="word-0"))
        sent.clear()
        assert TenderRepository(session).count() == ENOUGH
    count, end = sent
    assert count.startswith(SETTING)
    assert end == "COMMIT"


# -- statements that can't carry it: it is sent before them -----------------------------------------------------


def test_a_cursor_of_the_server_as_the_first_statement_is_of_the_organization(
    one_connection: Database, sent: list[str]
) -> None:
    with one_connection.get_session(organization_id=1) as session:
        assert len(session.exec(select(Tender), execution_options={"yield_per": 2}).all()) == ENOUGH
    setting, declare, *_ = sent
    assert setting == SETTINGS
    assert declare.startswith("DECLARE")


def test_executemany_as_the_first_statement_is_of_the_organization(one_connection: Database, sent: list[str]) -> None:
    with one_connection.get_session(organization_id=1, unguarded_sql=True) as session:
        titles = [{"old": "Bridge", "new": "Tunnel"}, {"old": "Tunnel", "new": "Bridge"}]
        change = text("UPDATE tenders SET title = :new WHERE title = :old")
        session.connection().execute(change, titles)
        seen = session.connection().scalar(text("SELECT count(*) FROM tenders WHERE title = 'Bridge'"))
        assert seen == ENOUGH
    assert [statement.partition(" ")[0] for statement in sent] == [
        "BEGIN;",
        "executemany",
        "SELECT",
        "COMMIT",
        "DISCARD",
    ]


def test_many_rows_as_the_first_statement_are_of_the_organization(one_connection: Database, sent: list[str]) -> None:
    with one_connection.get_session(organization_id=1) as session:
        assert len(TenderRepository(session).create_many([build(Tender) for _ in range(5)])) == 5
        session.rollback()
    insert, end = sent
    assert insert.startswith(f"{BEGIN}INSERT INTO tenders")
    assert end == "ROLLBACK"


def test_the_last_statement_is_the_one_that_counts(one_connection: Database) -> None:
    """Rows, and the number of rows, are the statement's own and not the prefix's."""
    with one_connection.get_session(organization_id=1) as session:
        statement = update(Tender).where(col(Tender.title) == "Bridge").values(title="Bridge")
        assert session.exec(statement).rowcount == ENOUGH
        session.rollback()
