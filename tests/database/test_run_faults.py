"""``run`` under the faults of PostgreSQL and of the line to it: each effect once, or its outcome said to be unknown."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from domain import Database, OutcomeUnknownError, TenantSession, Tender, TenderPatch, TenderRepository, UnavailableError
from domain.testing import Cluster, postgresql_database
from tests.faults.proxy import Cut, Proxy, is_commit, is_query, proxy


@pytest.fixture(scope="module")
def database(domain_cluster: Cluster) -> Iterator[Database]:
    """Reached directly."""
    with postgresql_database(domain_cluster) as database:
        yield database


@pytest.fixture
def line(database: Database) -> Iterator[Proxy]:
    """The line of ``remote``."""
    with proxy(database.engine.url) as made:
        yield made


@pytest.fixture
def remote(database: Database, line: Proxy) -> Iterator[Database]:
    """The same database through the line, with a connection in its pool."""
    url = database.engine.url.set(host="127.0.0.1", port=line.port)
    with Database(url.render_as_string(hide_password=False)) as remote:
        assert remote.health_check()
        yield remote


def create(database: Database, title: str = "row") -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).create(title=title).id


def count(database: Database, title: str) -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).count(Tender.title == title)


def version(database: Database, tender_id: int) -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).require(tender_id).version


def connection(session: TenantSession, **options: str) -> Connection:
    """The session's connection, which the guard would not give."""
    return Session.connection(session, execution_options=options or None)


def touch(session: TenantSession, tender_id: int) -> None:
    """Raise the version of a tender by one."""
    TenderRepository(session).update(tender_id, TenderPatch.model_validate({"description": uuid4().hex}))


def end_backend(session: TenantSession, database: Database) -> None:
    """End the session's server process, from another connection, and wait until it is gone."""
    pid = connection(session).exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with database.engine.connect() as other:
        assert other.scalar(text("SELECT pg_terminate_backend(:pid, 30000)"), {"pid": pid})


class Attempts:
    """A unit that counts its attempts, and lets ``fault`` in on the first of them, after it has stored a row."""

    def __init__(self, title: str, fault: Callable[[TenantSession], None]) -> None:
        self.title = title
        self.fault = fault
        self.number = 0

    def __call__(self, session: TenantSession) -> Tender:
        self.number += 1
        tender = TenderRepository(session).create(title=self.title)
        if self.number == 1:
            self.fault(session)
        return tender


class TestKnownToHaveFailed:
    """Repeated."""

    def test_a_connection_that_was_serializable_is_not_so_for_the_next_unit(self, database: Database) -> None:
        level = "SHOW transaction_isolation"

        def strict(session: TenantSession) -> object:
            found = connection(session, isolation_level="SERIALIZABLE").exec_driver_sql(level).scalar()
            touch(session, tender_id)
            return found

        tender_id = create(database)
        with Database(database.engine.url.render_as_string(hide_password=False), pool_size=1) as narrow:
            assert narrow.run(strict, organization_id=1) == "serializable"
            assert (
                narrow.run(lambda session: connection(session).exec_driver_sql(level).scalar(), organization_id=1)
                == "read committed"
            )

    def test_a_row_that_has_changed_under_a_serializable_unit(self, database: Database) -> None:
        tender_id = create(database)
        attempts: list[int] = []

        def unit(session: TenantSession) -> None:
            attempts.append(1)
            connection(session, isolation_level="SERIALIZABLE")
            TenderRepository(session).count()
            if len(attempts) == 1:
                database.run(lambda other: touch(other, tender_id), organization_id=1)
            touch(session, tender_id)

        database.run(unit, organization_id=1)
        assert (len(attempts), version(database, tender_id)) == (2, 3)

    def _refused_at_commit(
        self, database: Database, tender_id: int, ended: list[int]
    ) -> Callable[[TenantSession], None]:
        """A unit that is in conflict with another, which comes between, at its first attempt's COMMIT."""
        others_id = create(database)
        calls: list[int] = []

        def skew(session: TenantSession, own_id: int) -> None:
            connection(session, isolation_level="SERIALIZABLE")
            assert len(TenderRepository(session).find()) >= 2
            touch(session, own_id)

        def unit(session: TenantSession) -> None:
            calls.append(1)
            skew(session, tender_id)
            if len(calls) == 1:
                database.run(lambda other: skew(other, others_id), organization_id=1, attempts=1)
            ended.append(1)

        return unit

    def test_a_serializable_unit_that_is_refused_at_its_commit(self, database: Database) -> None:
        one = create(database)
        ended: list[int] = []
        database.run(self._refused_at_commit(database, one, ended), organization_id=1)
        assert len(ended) == 2  # its own statements were no failure
        assert version(database, one) == 2

    def test_a_connection_whose_commit_was_refused_and_is_lost_later(self, database: Database) -> None:
        tender_id = create(database)
        with Database(database.engine.url.render_as_string(hide_password=False), pool_size=1) as narrow:
            with pytest.raises(UnavailableError, match="40001"):
                narrow.run(self._refused_at_commit(database, tender_id, []), organization_id=1, attempts=1)
            unit = Attempts("lost later", _end_itself)
            narrow.run(unit, organization_id=1)
        assert (unit.number, count(database, "lost later")) == (2, 1)

    def test_two_units_that_wait_for_each_other(self, database: Database) -> None:
        ids = create(database), create(database)
        met = threading.Barrier(2)
        attempts: list[int] = []

        def work(first: int, second: int) -> None:
            own: list[int] = []

            def unit(session: TenantSession) -> None:
                attempts.append(1)
                own.append(1)
                touch(session, first)
                if len(own) == 1:
                    met.wait(30)
                touch(session, second)

            database.run(unit, organization_id=1)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(work, ids, reversed(ids)))
        assert (len(attempts), [version(database, tender_id) for tender_id in ids]) == (3, [3, 3])

    def test_a_lock_that_is_not_had_in_time(self, database: Database) -> None:
        tender_id = create(database)
        attempts: list[int] = []
        with Database(database.engine.url.render_as_string(hide_password=False)) as another:
            holder = another.engine.connect()
            holder.execute(text("SELECT set_config('app.organization_id', '1', true)"))
            lock = text("SELECT id FROM tenders WHERE organization_id = 1 AND id = :id FOR UPDATE")
            assert holder.scalar(lock, {"id": tender_id}) == tender_id

            def unit(session: TenantSession) -> None:
                attempts.append(1)
                if len(attempts) == 2:
                    holder.rollback()
                connection(session).exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
                touch(session, tender_id)

            database.run(unit, organization_id=1)
            holder.close()
        assert (len(attempts), version(database, tender_id)) == (2, 2)

    def test_a_backend_that_ends_itself(self, database: Database) -> None:
        create(database)  # the connection has seen a COMMIT
        unit = Attempts("ends itself", lambda session: _end_itself(session))
        database.run(unit, organization_id=1)
        assert (unit.number, count(database, "ends itself")) == (2, 1)

    def test_a_backend_that_is_ended_between_two_statements(self, database: Database) -> None:
        def fault(session: TenantSession) -> None:
            end_backend(session, database)
            TenderRepository(session).count()

        unit = Attempts("ended midway", fault)
        database.run(unit, organization_id=1)
        assert (unit.number, count(database, "ended midway")) == (2, 1)

    def test_a_backend_that_is_ended_before_what_is_left_to_flush(self, database: Database) -> None:
        def fault(session: TenantSession) -> None:
            end_backend(session, database)
            session.add(Tender(title="sent by the flush before COMMIT"))

        unit = Attempts("ended before the flush", fault)
        database.run(unit, organization_id=1)
        assert (unit.number, count(database, "ended before the flush")) == (2, 1)
        assert count(database, "sent by the flush before COMMIT") == 0

    def test_a_lost_connection_that_the_unit_has_swallowed(self, database: Database) -> None:
        def fault(session: TenantSession) -> None:
            with pytest.raises(UnavailableError):
                _end_itself(session)

        unit = Attempts("swallowed", fault)
        database.run(unit, organization_id=1)
        assert (unit.number, count(database, "swallowed")) == (2, 1)

    @pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
    def test_a_line_that_is_cut_at_a_statement(
        self, database: Database, remote: Database, line: Proxy, cut: Cut
    ) -> None:
        def fault(session: TenantSession) -> None:
            line.once(is_query, cut)
            touch(session, tender_id)

        tender_id = create(database)
        title = f"cut {cut.name} a statement"
        unit = Attempts(title, fault)
        remote.run(unit, organization_id=1)
        assert (unit.number, count(database, title)) == (2, 1)
        assert version(database, tender_id) == 1

    def test_a_line_that_is_cut_at_the_first_statement(self, database: Database, remote: Database, line: Proxy) -> None:
        create(remote)
        title = "cut at the first statement"
        attempts: list[int] = []

        def unit(session: TenantSession) -> None:
            attempts.append(1)
            if len(attempts) == 1:
                line.once(lambda message: b"INSERT" in message, Cut.BEFORE)
            TenderRepository(session).create(title=title)

        remote.run(unit, organization_id=1)
        assert (len(attempts), count(database, title)) == (2, 1)


def _end_itself(session: TenantSession) -> None:
    connection(session).exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def in_a_session(database: Database, title: str) -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).create(title=title)


def in_a_unit(database: Database, title: str) -> None:
    database.run(lambda session: TenderRepository(session).create(title=title), organization_id=1)


class TestUnknown:
    """Said, and not repeated."""

    @pytest.mark.parametrize("write", [in_a_session, in_a_unit])
    @pytest.mark.parametrize(("cut", "stored"), [(Cut.BEFORE, 0), (Cut.AFTER, 1)])
    def test_a_line_that_is_cut_at_commit(
        self,
        database: Database,
        remote: Database,
        line: Proxy,
        cut: Cut,
        stored: int,
        write: Callable[[Database, str], None],
    ) -> None:
        title = f"cut {cut.name} COMMIT {write.__name__}"
        line.once(is_commit, cut)
        with pytest.raises(OutcomeUnknownError, match="after COMMIT was sent") as caught:
            write(remote, title)
        assert caught.value.__cause__ is not None
        assert not caught.value.retryable
        assert count(database, title) == stored
        write(remote, f"{title}, and then")
        assert count(database, f"{title}, and then") == 1

    def test_a_backend_that_is_ended_with_nothing_left_to_send_but_commit(self, database: Database) -> None:
        unit = Attempts("ended at the end", lambda session: end_backend(session, database))
        with pytest.raises(OutcomeUnknownError):
            database.run(unit, organization_id=1)
        assert (unit.number, count(database, "ended at the end")) == (1, 0)

    def test_a_commit_midway(self, database: Database, remote: Database, line: Proxy) -> None:
        def unit(session: TenantSession) -> None:
            TenderRepository(session).create(title="unknown midway")
            line.once(is_commit, Cut.AFTER)
            session.commit()

        with pytest.raises(OutcomeUnknownError):
            remote.run(unit, organization_id=1)
        assert count(database, "unknown midway") == 1


def test_a_unit_that_only_reads_sends_no_commit_whose_answer_could_be_lost(
    database: Database, remote: Database, line: Proxy
) -> None:
    tender_id = create(database, "read")
    line.once(is_commit, Cut.BEFORE)
    tender = remote.run(lambda session: TenderRepository(session).get(tender_id), organization_id=1)
    assert tender is not None
    assert tender.title == "read"


def test_a_unit_that_lost_its_connection_after_a_commit_midway_is_not_repeated(database: Database) -> None:
    def fault(session: TenantSession) -> None:
        session.commit()
        _end_itself(session)

    unit = Attempts("lost after a commit", fault)
    with pytest.raises(UnavailableError, match="lost") as caught:
        database.run(unit, organization_id=1)
    assert not caught.value.retryable
    assert (unit.number, count(database, "lost after a commit")) == (1, 1)
