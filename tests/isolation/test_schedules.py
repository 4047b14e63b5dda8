"""Two sessions at once, in every order of their steps: what a sequence of operations can't show."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Engine, text
from sqlmodel import col, select

from domain import (
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    ConflictError,
    ConstraintError,
    Database,
    StaleVersionError,
    TenantSession,
    Tender,
    TenderPatch,
    TenderRepository,
    TenderStatus,
)
from domain.organizations.repository import OrganizationRepository
from domain.testing import build
from tests.isolation.schedules import Pair, Played, Unit, interleavings, play_all, rolled_back

pytestmark = pytest.mark.slow

Step = Callable[[TenantSession], object]
BID = dict.fromkeys(("executive_summary", "capabilities", "approach", "value_proposition"), "ours")


def test_every_order_of_the_steps_is_played() -> None:
    assert list(interleavings(2, 1)) == ["AAB", "ABA", "BAA"]
    assert len(set(interleavings(4, 3))) == 35


def new_tender(database: Database, **fields: object) -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).add(build(Tender, title="Bridge", **fields)).id


def tender_of(database: Database, tender_id: int) -> Tender:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).require(tender_id, include_deleted=True)


def unit(database: Database, *steps: Step) -> Unit[TenantSession]:
    return Unit(partial(database.get_session, organization_id=1), steps)


# -- delete / create --------------------------------------------------------------------------------------------


def create_analysis(tender_id: int, session: TenantSession) -> object:
    return AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender_id))


def upsert_analysis(tender_id: int, session: TenantSession) -> object:
    return AnalysisRepository(session).put(build(AnalysisResult, tender_id=tender_id))


def create_bids(tender_id: int, session: TenantSession) -> object:
    return BidDocumentRepository(session).create_many([build(BidDocument, tender_id=tender_id)])


def create_bids_of_contents(tender_id: int, session: TenantSession) -> object:
    return BidDocumentRepository(session).create_many([BID | {"tender_id": tender_id}])


def upsert_bids(tender_id: int, session: TenantSession) -> object:
    return BidDocumentRepository(session).upsert_many([BID | {"tender_id": tender_id}])


def add_by_hand(tender_id: int, session: TenantSession) -> None:
    session.add(build(AnalysisResult, tender_id=tender_id))
    session.flush()


def restore_analysis(tender_id: int, session: TenantSession) -> object:
    of_tender = col(AnalysisResult.tender_id) == tender_id
    (analysis,) = AnalysisRepository(session).find(of_tender, include_deleted=True)
    return AnalysisRepository(session).restore(analysis.id)


def with_a_deleted_analysis(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        analyses.soft_delete(analyses.add(build(AnalysisResult, tender_id=tender_id)).id)


def live_orphans(database: Database, tender_id: int) -> list[str]:
    """The live children of a tender, if it is deleted."""
    if not tender_of(database, tender_id).is_deleted:
        return []
    with database.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session).find(col(AnalysisResult.tender_id) == tender_id)
        bids = BidDocumentRepository(session).find(col(BidDocument.tender_id) == tender_id)
        return [type(child).__name__ for child in (*analyses, *bids)]


@pytest.mark.parametrize(
    "child",
    [
        create_analysis,
        upsert_analysis,
        create_bids,
        create_bids_of_contents,
        upsert_bids,
        add_by_hand,
        restore_analysis,
    ],
)
def test_a_child_made_under_a_tender_that_is_being_deleted_is_no_live_orphan(
    shared: Database, witness: Engine, child: Callable[[int, TenantSession], object]
) -> None:
    tenders: list[int] = []

    def pair() -> Pair:
        tenders.append(tender_id := new_tender(shared))
        with_a_deleted_analysis(shared, tender_id)
        return (
            unit(
                shared,
                lambda session: TenderRepository(session).get_by_id(tender_id),
                lambda session: TenderRepository(session).soft_delete(tender_id),
            ),
            unit(shared, lambda session: TenderRepository(session).get_by_id(tender_id), partial(child, tender_id)),
        )

    played: list[Played] = []
    for one in play_all(witness, pair):
        played.append(one)
        tender_id = tenders[len(played) - 1]
        assert tender_of(shared, tender_id).is_deleted, one
        assert live_orphans(shared, tender_id) == [], one
        assert one.raised() <= {ConstraintError, ConflictError}, one
    assert len(played) == 20
    assert {one.succeeded for one in played} == {1, 2}
    assert any(one.waits for one in played)


# -- update / update --------------------------------------------------------------------------------------------


def appended(word: str, held: list[Tender], session: TenantSession) -> None:
    """Save the object that was read, with a word more."""
    held[0].title += word
    session.flush()


def read(tender_id: int, held: list[Tender], session: TenantSession) -> None:
    held.append(TenderRepository(session).require(tender_id))


def saves(database: Database, tender_id: int, word: str) -> Unit[TenantSession]:
    held: list[Tender] = []
    return unit(database, partial(read, tender_id, held), partial(appended, word, held))


def patches(database: Database, tender_id: int, word: str) -> Unit[TenantSession]:
    held: list[Tender] = []

    def patch(session: TenantSession) -> object:
        changes = TenderPatch(title=held[0].title + word)
        return TenderRepository(session).update(tender_id, changes, expected_version=held[0].version)

    return unit(database, partial(read, tender_id, held), patch)


@pytest.mark.parametrize("second", [saves, patches])
def test_of_two_that_save_what_they_read_one_is_refused_or_comes_after_the_other(
    shared: Database, witness: Engine, second: Callable[[Database, int, str], Unit[TenantSession]]
) -> None:
    tenders: list[int] = []

    def pair() -> Pair:
        tenders.append(tender_id := new_tender(shared))
        return saves(shared, tender_id, " one"), second(shared, tender_id, " two")

    played: list[Played] = []
    for one in play_all(witness, pair):
        played.append(one)
        tender = tender_of(shared, tenders[len(played) - 1])
        words = tender.title.split()[1:]
        assert sorted(words) == [word for word, letter in (("one", "A"), ("two", "B")) if letter not in one.errors], one
        assert tender.version == 1 + one.succeeded, one
        assert one.raised() <= {StaleVersionError}, one
    assert len(played) == 20
    assert {one.succeeded for one in played} == {1, 2}


def test_a_saved_object_does_not_undo_what_update_status_wrote_meanwhile(shared: Database, witness: Engine) -> None:
    tenders: list[int] = []

    def pair() -> Pair:
        tenders.append(tender_id := new_tender(shared))

        def finish(session: TenantSession) -> bool:
            return TenderRepository(session).update_status(tender_id, TenderStatus.COMPLETE)

        return saves(shared, tender_id, " one"), unit(shared, finish)

    count = 0
    for count, one in enumerate(play_all(witness, pair), 1):
        tender = tender_of(shared, tenders[count - 1])
        assert tender.status is TenderStatus.COMPLETE, one
        assert "B" not in one.errors, one
        assert tender.title.endswith(" one") is ("A" not in one.errors), one
        assert tender.version == 1 + one.succeeded, one
        assert one.raised() <= {StaleVersionError}, one
    assert count == 10


# -- bind / rollback --------------------------------------------------------------------------------------------


def test_an_organization_bound_in_what_is_rolled_back_is_not_left_to_the_next_session(
    shared: Database, witness: Engine
) -> None:
    """The units end their transactions midway, so that they trade the pool's connections."""
    for organization_id, number in ((1, 3), (2, 2)):
        with shared.get_session(organization_id=organization_id) as session:
            TenderRepository(session).create_many([build(Tender) for _ in range(number)])
    counts = {n: counted(witness, n) for n in (1, 2)}
    assert counts[1] > counts[2] > 0

    def begin(session: TenantSession) -> None:
        assert OrganizationRepository(session).get_by_slug("second") is not None
        session.begin_nested()

    def bind(session: TenantSession) -> None:
        assert TenderRepository(session).count(org_id=1) == counts[1]

    def undo_savepoint(session: TenantSession) -> None:
        nested = session.get_nested_transaction()
        assert nested is not None
        nested.rollback()
        assert seen(session) == {1}

    def undo(session: TenantSession) -> None:
        session.rollback()

    def look(session: TenantSession) -> None:
        assert seen(session) == {1}

    def other(session: TenantSession) -> None:
        assert TenderRepository(session).count() == counts[2]
        assert seen(session) == {2}
        session.commit()

    def pair() -> Pair:
        first = Unit(lambda: rolled_back(shared.get_session()), [begin, bind, undo_savepoint, undo, look])
        return first, Unit(partial(shared.get_session, organization_id=2), [other, other])

    played = list(play_all(witness, pair))
    assert len(played) == 84
    assert [one for one in played if one.errors] == []
    if not shared.is_sqlite:
        pooled = [shared.engine.connect() for _ in range(shared.pool_limit)]
        for connection in pooled:
            assert not connection.scalar(text("SELECT current_setting('app.organization_id', true)"))
            assert connection.scalar(text("SELECT count(*) FROM tenders")) == 0
        for connection in pooled:
            connection.close()


def counted(witness: Engine, organization_id: int) -> int:
    statement = select(Tender.id).where(col(Tender.organization_id) == organization_id, ~col(Tender.is_deleted))
    with witness.connect() as connection:
        return len(connection.execute(statement).all())


def seen(session: TenantSession) -> set[int]:
    """Whose tenders a hand-written statement finds."""
    return set(session.exec(select(Tender.organization_id)))
