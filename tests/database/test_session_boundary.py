"""``get_session`` commits on success, rolls back on error, and closes."""

import pytest

from domain import ConflictError, Database, DuplicateError, Tender, TenderRepository, UnavailableError


def count(database: Database, title: str) -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).count(Tender.title == title)


def test_success_commits(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="kept")
        assert session.in_transaction()
    assert count(database, "kept") == 1


class OutOfPaperError(Exception):
    """An application's own error."""


@pytest.mark.parametrize("error", [OutOfPaperError, KeyboardInterrupt])
def test_an_error_rolls_back_and_passes_through_unchanged(database: Database, error: type[BaseException]) -> None:
    raised = error("no more")

    def fail() -> None:
        with database.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="undone")
            raise raised

    with pytest.raises(error) as caught:
        fail()
    assert caught.value is raised
    assert count(database, "undone") == 0


def test_the_connection_goes_back_to_the_pool_after_success_and_after_an_error(database: Database) -> None:
    def fail(narrow: Database) -> None:
        with narrow.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="undone")
            raise OutOfPaperError

    url = database.engine.url.render_as_string(hide_password=False)
    with Database(url, pool_size=1, max_overflow=0, pool_timeout=0.05) as narrow:
        for _ in range(3):
            assert count(narrow, "undone") == 0
            with pytest.raises(OutOfPaperError):
                fail(narrow)
        assert "Connections in pool: 1" in narrow.engine.pool.status()


def test_what_was_committed_midway_stays_when_the_rest_fails(database: Database) -> None:
    def half() -> None:
        with database.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="first half")
            session.commit()
            TenderRepository(session).create(title="second half")
            raise OutOfPaperError

    with pytest.raises(OutOfPaperError):
        half()
    assert (count(database, "first half"), count(database, "second half")) == (1, 0)


def test_an_error_that_was_swallowed_without_a_savepoint_does_not_pass_for_success(database: Database) -> None:
    def swallow() -> None:
        with database.get_session(organization_id=1) as session:
            tenders = TenderRepository(session)
            tenders.create(title="swallowed", external_id="swallowed")
            with pytest.raises(DuplicateError):
                tenders.create(title="swallowed", external_id="swallowed")

    with pytest.raises(ConflictError, match="an earlier statement of this transaction failed"):
        swallow()
    assert count(database, "swallowed") == 0


def test_one_stale_row_of_several_undoes_them_all(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        ids = [tender.id for tender in TenderRepository(session).create_many([Tender(title="many") for _ in range(3)])]

    def late() -> None:
        with database.get_session(organization_id=1) as slow:
            tenders = [TenderRepository(slow).require(tender_id) for tender_id in ids]
            with database.get_session(organization_id=1) as quick:
                TenderRepository(quick).require(ids[1]).title = "quick one"
            for tender in tenders:
                tender.title = "slow one"

    with pytest.raises(ConflictError):
        late()
    assert (count(database, "slow one"), count(database, "quick one")) == (0, 1)


def test_waiting_for_a_connection_in_vain_is_an_error_of_ours(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with Database(url, pool_size=1, max_overflow=0, pool_timeout=0.05) as narrow:

        def wait() -> None:
            with narrow.get_session(organization_id=1) as second:
                TenderRepository(second).find()

        with narrow.get_session(organization_id=1) as first:
            TenderRepository(first).create(title="only one")
            with pytest.raises(UnavailableError, match="no connection came free in time") as caught:
                wait()
        assert caught.value.retryable
        wait()
