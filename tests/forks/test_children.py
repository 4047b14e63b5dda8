"""A forked child makes connections of its own, and never uses those that it inherited."""

import gc
import os
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from domain import Database, TenantSession, Tender, TenderRepository, UnavailableError, User
from domain.testing import build
from tests.forks.children import in_children

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

READS = 50
EACH = 5
INHERITED = "UnavailableError: this session was opened before the process forked, and its connection is the parent's"
IN_USE = "UnavailableError: SQLite was in use when this process was forked"


@pytest.fixture
def used(domain_db: Database) -> Database:
    """A database with a pool that was used, by each of two organizations."""
    for organization_id in (1, 2):
        with domain_db.get_session(organization_id=organization_id) as session:
            rows = [build(Tender, title=f"of {organization_id}") for _ in range(EACH)]
            TenderRepository(session).create_many(rows)
    return domain_db


def titles(database: Database, organization_id: int = 1) -> list[str]:
    with database.get_session(organization_id=organization_id) as session:
        return [tender.title for tender in TenderRepository(session).find()]


def wrong_reads(database: Database, organization_id: int) -> int:
    """How many of many reads were of other rows than the organization's."""
    own = [f"of {organization_id}"] * EACH
    return sum(titles(database, organization_id) != own for _ in range(READS))


def test_children_read_the_rows_of_their_own_organization(used: Database) -> None:
    assert in_children(*(partial(wrong_reads, used, number % 2 + 1) for number in range(4))) == [0, 0, 0, 0]
    assert titles(used) == ["of 1"] * EACH


def test_the_parent_reads_on_while_its_children_do(domain_postgresql: Database) -> None:
    with domain_postgresql.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([build(Tender, title="of 1") for _ in range(EACH)])
    found: list[int] = []
    parent = threading.Thread(target=lambda: found.append(wrong_reads(domain_postgresql, 1)))
    parent.start()
    assert in_children(*[partial(wrong_reads, domain_postgresql, 1)] * 4) == [0, 0, 0, 0]
    parent.join()
    assert found == [0]


def test_a_childs_child_reads_the_rows_of_its_own_organization(used: Database) -> None:
    def child() -> object:
        assert titles(used) == ["of 1"] * EACH
        return in_children(partial(wrong_reads, used, 2), partial(wrong_reads, used, 1))

    assert in_children(child) == [[0, 0]]


@contextmanager
def busy_pool(database: Database, *, threads: int = 4) -> Generator[None]:
    """Threads that take a connection and give it back, all the time."""
    done = threading.Event()

    def use() -> None:
        while not done.is_set():
            with database.engine.connect():
                pass

    started = [threading.Thread(target=use) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in started:
            thread.join()


def test_a_child_does_not_wait_for_what_threads_of_the_parent_hold(used: Database) -> None:
    with busy_pool(used):
        answers = [answer for _ in range(10) for answer in in_children(partial(titles, used))]
    refused = [answer for answer in answers if str(answer).startswith(IN_USE)]
    assert not refused or used.is_sqlite
    assert [answer for answer in answers if answer not in refused] == [["of 1"] * EACH] * (10 - len(refused))


# -- a session that is open at the fork -------------------------------------------------------------------------


def reads(tenders: TenderRepository) -> object:
    return tenders.count()


def writes(tenders: TenderRepository) -> object:
    return tenders.create(title="of the child")


def commits(tenders: TenderRepository) -> object:
    tenders.session.commit()
    return "committed"


@pytest.mark.parametrize("use", [reads, writes, commits])
@pytest.mark.parametrize("has_written", [True, False])
def test_it_raises_in_the_child_and_goes_on_in_the_parent(
    used: Database, use: Callable[[TenderRepository], object], has_written: bool
) -> None:
    with used.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.count() == EACH
        if has_written:
            tenders.create(title="of the parent")
        (answer,) = in_children(partial(use, tenders))
        assert str(answer).startswith(INHERITED)
        assert tenders.count() == EACH + has_written
    assert titles(used).count("of the parent") == has_written
    assert "of the child" not in titles(used)


def test_leaving_its_block_raises_in_the_child(used: Database) -> None:
    with ExitStack() as opened:
        session = opened.enter_context(used.get_session(organization_id=1))
        TenderRepository(session).create(title="of the parent")
        (answer,) = in_children(opened.close)
        assert str(answer).startswith(INHERITED)
    assert titles(used).count("of the parent") == 1


def test_a_kept_connection_raises_in_the_child(used: Database) -> None:
    def count(connection: Connection) -> object:
        return connection.scalar(text("SELECT count(*) FROM tenders"))

    with used.engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
        assert str(*in_children(partial(count, connection))).startswith(INHERITED)
        assert str(*in_children(connection.commit)).startswith(INHERITED)
        assert connection.scalar(text("SELECT 1")) == 1


# -- and is let go of in the child: nothing reaches the server --------------------------------------------------


def rolls_back(opened: list[TenantSession]) -> None:
    opened[0].rollback()


def closes(opened: list[TenantSession]) -> None:
    opened[0].close()


def invalidates(opened: list[TenantSession]) -> None:
    opened[0].invalidate()


def forgets(opened: list[TenantSession]) -> None:
    opened.clear()
    gc.collect()


def ends_as_a_process_does(_opened: list[TenantSession]) -> None:
    raise SystemExit


def catches(opened: list[TenantSession]) -> None:
    with pytest.raises(UnavailableError), opened[0]:
        TenderRepository(opened[0]).count()


@pytest.mark.parametrize("let_go", [rolls_back, closes, invalidates, forgets, ends_as_a_process_does, catches])
def test_letting_it_go_in_the_child_does_not_end_the_parents_transaction(
    used: Database, let_go: Callable[[list[TenantSession]], None]
) -> None:
    session = TenantSession(used.engine, organization_id=1)
    opened = [session]
    TenderRepository(session).create(title="of the parent")
    waiting = partial(let_go, opened)
    del session
    in_children(waiting)
    with opened[0] as session:
        assert TenderRepository(session).count() == EACH + 1
        session.commit()
    assert titles(used).count("of the parent") == 1


def test_a_cursor_of_the_servers_reads_no_further_in_the_child(domain_postgresql: Database) -> None:
    """Its rows are fetched by the driver itself, without a statement of ours."""
    with domain_postgresql.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([build(Tender) for _ in range(100)])
        session.flush()
        rows = session.exec(select(Tender.id), execution_options={"yield_per": 10})
        first = next(rows)
        (answer,) = in_children(lambda: list(rows))
        assert str(answer).startswith("UnavailableError")
        assert len({first, *rows}) == 100


def test_another_session_of_the_child_works_on_postgresql_and_is_refused_on_sqlite(used: Database) -> None:
    """SQLite keeps in the memory of the process which locks it has: the child would think that they are its own."""
    with used.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="of the parent")
        (answer,) = in_children(partial(titles, used))
        assert str(answer).startswith(IN_USE) if used.is_sqlite else answer == ["of 1"] * EACH
    assert in_children(lambda: len(titles(used))) == [EACH + 1]


def test_what_children_and_parent_write_in_turn_is_all_there(used: Database) -> None:
    def write(number: int) -> None:
        with used.get_session(organization_id=1) as session:
            TenderRepository(session).create(title=f"{number}")

    for number in range(6):
        assert in_children(partial(write, number)) == [None]
        write(number)
    assert len(titles(used)) == EACH + 12
    assert sorted({*titles(used)} - {"of 1"}) == [str(number) for number in range(6)]


def test_a_private_file_stays_when_a_child_closes_the_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Database("sqlite:///:memory:") as database:
        database.create_all()
        in_children(database.close)
        with database.get_session() as session:
            assert session.look_up(User, "email", "nobody@example.org") is None
