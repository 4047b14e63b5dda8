"""Deleting, restoring and creating in two sessions at once, in every order of their steps: no orphan, no lost row."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import pytest
from sqlalchemy import Engine, Table
from sqlmodel import col, exists, select, update

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ConflictError,
    ConstraintError,
    Database,
    DuplicateError,
    Organization,
    OrganizationRepository,
    Repository,
    TenantRepository,
    TenantSession,
    Tender,
    TenderContent,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.errors import OrganizationDeletedError
from domain.testing import build, make_organization
from domain.transfer import Loader
from tests.isolation.schedules import Pair, Played, Unit, Waiting, play, play_all
from tests.repositories.test_own_models import AccessKey, Drawing, DrawingRepository, Lot, LotRepository

pytestmark = pytest.mark.slow

Step = Callable[[TenantSession], object]
State = dict[str, Any]


def unit(database: Database, *steps: Step, organization_id: int = 1) -> Unit[TenantSession]:
    return Unit(partial(database.get_session, organization_id=organization_id), steps)


def looking(tender_id: int) -> Step:
    """A step before the one that counts: it begins the transaction."""
    return lambda session: TenderRepository(session).get(tender_id)


def stored(witness: Engine, model: type[Any], entity_id: int) -> State:
    columns = cast(Table, model.__table__).c
    with witness.connect() as connection:
        return dict(connection.execute(select(*columns).where(columns.id == entity_id)).mappings().one())


def played(witness: Engine, pair: Callable[[], Pair]) -> Iterator[tuple[int, Played]]:
    yield from enumerate(play_all(witness, pair))


def test_a_grandchild_made_while_its_grandparent_is_deleted_is_no_live_orphan(
    shared: Database, witness: Engine
) -> None:
    made: list[tuple[int, int, list[int]]] = []

    def pair() -> Pair:
        with shared.get_session(organization_id=1) as session:
            tender = TenderRepository(session).create(title="Bridge")
            lot = LotRepository(session).create(tender_id=tender.id, number=1)
        drawings: list[int] = []
        made.append((tender.id, lot.id, drawings))
        return (
            unit(shared, looking(tender.id), lambda session: TenderRepository(session).soft_delete(tender.id)),
            unit(
                shared,
                looking(tender.id),
                lambda session: drawings.append(DrawingRepository(session).add(Drawing(lot_id=lot.id)).id),
            ),
        )

    outcomes: list[Played] = []
    for number, one in played(witness, pair):
        tender_id, lot_id, drawings = made[number]
        assert "A" not in one.errors, one
        assert one.raised() <= {ConstraintError}, one
        tender, lot = stored(witness, Tender, tender_id), stored(witness, Lot, lot_id)
        assert tender["is_deleted"], one
        assert lot["deletion_id"] == tender["deletion_id"], one
        if "B" not in one.errors:
            assert stored(witness, Drawing, drawings[0])["deletion_id"] == tender["deletion_id"], one
        outcomes.append(one)
    assert {one.succeeded for one in outcomes} == {1, 2}
    assert any(one.waits for one in outcomes)


CHAINS: tuple[tuple[type[Any], ...], ...] = ((Organization, User, AccessKey), (Tender, Lot, Drawing))
DEPTHS = [
    (chain[:low], chain[:high], by)
    for chain in CHAINS
    for low in (1, 2)
    for high in (2, 3)
    for by in ("id", "conditions")
    if low < high and (by == "id" or chain[low - 1] is not Organization)
]
KEYS: dict[type[Any], str] = {AccessKey: "user_id", Lot: "tender_id", Drawing: "lot_id"}


class AccessKeyRepository(TenantRepository[AccessKey]):
    """The access keys of one organization."""

    model = AccessKey


REPOSITORIES: dict[type[Any], type[Repository[Any]]] = {
    Organization: OrganizationRepository,
    User: UserRepository,
    AccessKey: AccessKeyRepository,
    Tender: TenderRepository,
    Lot: LotRepository,
    Drawing: DrawingRepository,
}


@pytest.mark.parametrize("schedule", ["ABAB", "BABA"])
@pytest.mark.parametrize(
    ("above", "line", "by"), DEPTHS, ids=[f"{a[-1].__name__}-{b[-1].__name__}-{by}" for a, b, by in DEPTHS]
)
def test_a_creation_held_open_across_a_deletion_is_no_live_orphan_however_deep(
    shared: Database, witness: Engine, above: tuple[type[Any], ...], line: tuple[type[Any], ...], by: str, schedule: str
) -> None:
    organization_id = make_organization(shared).id
    ids: list[int] = [organization_id] if line[0] is Organization else []

    def make(session: TenantSession) -> None:
        """The next row of the line, below the one before it."""
        model = line[len(ids)]
        keys = {KEYS[model]: ids[-1]} if model in KEYS else {}
        ids.append(REPOSITORIES[model](session).add(build(model, **keys)).id)

    def delete(session: TenantSession) -> None:
        repository, row_id = REPOSITORIES[above[-1]](session), ids[len(above) - 1]
        assert repository.soft_delete(row_id) if by == "id" else repository.soft_delete_where(above[-1].id == row_id)

    while len(ids) < len(line) - 1:
        with shared.get_session(organization_id=organization_id) as session:
            make(session)
    creation, deletion = (unit(shared, step, organization_id=organization_id) for step in (make, delete))
    one = play(schedule, creation, deletion, Waiting(witness))
    assert one.waits, one
    if schedule == "BABA":
        assert {type(error) for error in one.errors.values()} <= {ConstraintError, OrganizationDeletedError}, one
        assert one.errors.keys() == {"A"}, one
        assert len(ids) == len(line) - 1
    else:
        assert not one.errors, one
    rows = [stored(witness, model, row_id) for model, row_id in zip(line, ids, strict=False)]
    assert [row["is_deleted"] for row in rows] == [n >= len(above) - 1 for n in range(len(rows))]
    assert len({row["deletion_id"] for row in rows if row["is_deleted"]}) == 1


@pytest.mark.parametrize("schedule", ["ABAB", "BABA"])
def test_a_row_that_is_loaded_across_a_deletion_is_no_live_orphan(
    shared: Database, witness: Engine, schedule: str
) -> None:
    ids: list[int] = []
    with shared.get_session(organization_id=1) as session:
        tender_id = TenderRepository(session).create(title="Bridge").id
    lot = {"tender_id": tender_id, "number": 1, "version": 3}

    def load(session: TenantSession) -> None:
        ids.extend(Loader(shared, session)(Lot, [lot]))

    def delete(session: TenantSession) -> None:
        assert TenderRepository(session).soft_delete(tender_id)

    one = play(schedule, unit(shared, load), unit(shared, delete), Waiting(witness))
    assert one.waits, one
    assert one.raised() == ({ConstraintError} if schedule == "BABA" else set()), one
    assert stored(witness, Tender, tender_id)["is_deleted"]
    if schedule == "ABAB":
        assert stored(witness, Lot, ids[0])["deletion_id"] == stored(witness, Tender, tender_id)["deletion_id"]


def rename_away(tender_id: int, session: TenantSession) -> None:
    session.exec(update(Tender).where(col(Tender.id) == tender_id).values(title="Kept"))


def analyse(tender_id: int, session: TenantSession) -> None:
    AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender_id))


@pytest.mark.parametrize("write", [rename_away, analyse])
def test_a_row_that_ceases_to_meet_the_conditions_while_a_deletion_waits_stays(
    shared: Database, witness: Engine, write: Callable[[int, TenantSession], None]
) -> None:
    made: list[int] = []
    deleted: list[list[int]] = []

    def pair() -> Pair:
        with shared.get_session(organization_id=1) as session:
            tender_id = TenderRepository(session).create(title="Idle").id
        made.append(tender_id)
        deleted.append(rows := [])
        idle = ~exists().where(col(AnalysisResult.tender_id) == Tender.id)

        def delete(session: TenantSession) -> None:
            these = (col(Tender.id) == tender_id, Tender.title == "Idle", idle)
            rows.append(TenderRepository(session).soft_delete_where(*these).rows)

        return (
            unit(shared, looking(tender_id), delete),
            unit(shared, looking(tender_id), partial(write, tender_id)),
        )

    outcomes: list[Played] = []
    for number, one in played(witness, pair):
        assert one.raised() <= {ConstraintError}, one
        assert "A" not in one.errors, one
        tender = stored(witness, Tender, made[number])
        columns = AnalysisResult.__table__.c
        with witness.connect() as connection:
            analyses = connection.execute(select(columns.id).where(columns.tender_id == made[number])).all()
        assert deleted[number] == [int(tender["is_deleted"])], one
        assert tender["is_deleted"] is (tender["title"] == "Idle" and not analyses), one
        outcomes.append(one)
    assert {rows for (rows,) in deleted[: len(outcomes)]} == {0, 1}
    assert any(one.waits for one in outcomes)


def test_a_user_made_while_the_organization_is_deleted_is_no_live_orphan(shared: Database, witness: Engine) -> None:
    organizations: list[int] = []

    def pair() -> Pair:
        organizations.append(organization_id := make_organization(shared).id)
        return (
            unit(
                shared,
                lambda session: UserRepository(session).count(),
                lambda session: OrganizationRepository(session).soft_delete(organization_id),
                organization_id=organization_id,
            ),
            unit(
                shared,
                lambda session: UserRepository(session).count(),
                lambda session: UserRepository(session).add(build(User)),
                organization_id=organization_id,
            ),
        )

    outcomes: list[Played] = []
    users = User.__table__
    for number, one in played(witness, pair):
        assert one.raised() <= {ConstraintError, OrganizationDeletedError}, one
        assert "A" not in one.errors, one
        with witness.connect() as connection:
            mine = select(users.c.is_deleted).where(users.c.organization_id == organizations[number])
            assert connection.scalars(mine).all() == ([] if "B" in one.errors else [True]), one
        outcomes.append(one)
    assert {one.succeeded for one in outcomes} == {1, 2}


def rename(tender_id: int, _analysis_id: int, session: TenantSession) -> object:
    return TenderRepository(session).update_status(tender_id, TenderStatus.COMPLETE)


def rate(tender_id: int, _analysis_id: int, session: TenantSession) -> object:
    return AnalysisRepository(session).update_rating(tender_id, 9)


def delete_part(_tender_id: int, analysis_id: int, session: TenantSession) -> object:
    return AnalysisRepository(session).soft_delete(analysis_id)


@pytest.mark.parametrize("write", [rename, rate, delete_part])
def test_what_is_written_while_a_deletion_waits_is_in_the_rows_that_it_marks(
    shared: Database, witness: Engine, write: Callable[[int, int, TenantSession], object]
) -> None:
    made: list[tuple[int, int]] = []
    answers: list[list[object]] = []

    def pair() -> Pair:
        with shared.get_session(organization_id=1) as session:
            tender_id = TenderRepository(session).create(title="Bridge").id
            analysis_id = AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender_id)).id
        made.append((tender_id, analysis_id))
        answer: list[object] = []
        answers.append(answer)
        return (
            unit(shared, looking(tender_id), lambda session: TenderRepository(session).soft_delete(tender_id)),
            unit(shared, looking(tender_id), lambda session: answer.append(write(tender_id, analysis_id, session))),
        )

    written: set[object] = set()
    for number, one in played(witness, pair):
        assert not one.errors, one
        tender, analysis = (stored(witness, m, i) for m, i in zip((Tender, AnalysisResult), made[number], strict=True))
        (is_written,) = answers[number]
        written.add(is_written)
        assert tender["is_deleted"], one
        assert analysis["is_deleted"], one
        assert tender["version"] == 2 + (write is rename and bool(is_written)), one
        assert analysis["version"] == 2 + (write is rate and bool(is_written)), one
        assert (tender["status"] == "complete") is (write is rename and is_written), one
        if write is delete_part:
            assert (tender["deletion_id"] != analysis["deletion_id"]) is is_written, one
    assert written == {True, False}


def with_an_analysis(database: Database, **fields: object) -> tuple[int, int]:
    """A deleted tender, and the analysis that went with it."""
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).add(build(Tender, title="Bridge", **fields))
        analysis = AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender.id))
        assert TenderRepository(session).soft_delete(tender.id)
    return tender.id, analysis.id


def test_a_tender_deleted_and_restored_at_once_is_all_there_or_all_gone(shared: Database, witness: Engine) -> None:
    made: list[tuple[int, int]] = []
    answers: list[dict[str, bool]] = []

    def pair() -> Pair:
        tender_id, analysis_id = with_an_analysis(shared)
        made.append((tender_id, analysis_id))
        answer: dict[str, bool] = {}
        answers.append(answer)

        def restore(session: TenantSession) -> None:
            answer["restored"] = TenderRepository(session).restore(tender_id)

        def delete(session: TenantSession) -> None:
            answer["deleted"] = TenderRepository(session).soft_delete(tender_id)

        return unit(shared, restore), unit(shared, delete)

    results: set[bool] = set()
    for number, one in played(witness, pair):
        tender, analysis = (stored(witness, m, i) for m, i in zip((Tender, AnalysisResult), made[number], strict=True))
        assert not one.errors, one
        assert answers[number]["restored"], one
        assert tender["is_deleted"] is answers[number]["deleted"], one
        assert tender["deletion_id"] == analysis["deletion_id"], one
        assert tender["version"] == analysis["version"] == 3 + answers[number]["deleted"], one
        results.add(tender["is_deleted"])
    assert results == {True, False}


def test_two_that_restore_one_tender_restore_it_once(shared: Database, witness: Engine) -> None:
    made: list[int] = []
    answers: list[list[bool]] = []

    def pair() -> Pair:
        tender_id, _ = with_an_analysis(shared)
        made.append(tender_id)
        answer: list[bool] = []
        answers.append(answer)

        def restore(session: TenantSession) -> None:
            answer.append(TenderRepository(session).restore(tender_id))

        return unit(shared, restore), unit(shared, restore)

    for number, one in played(witness, pair):
        assert not one.errors, one
        assert sorted(answers[number]) == [False, True], one
        assert stored(witness, Tender, made[number])["version"] == 3, one


def test_a_part_restored_while_its_whole_is_restored_waits_for_nothing_that_waits_for_it(
    shared: Database, witness: Engine
) -> None:
    made: list[tuple[int, int]] = []

    def pair() -> Pair:
        tender_id, analysis_id = with_an_analysis(shared)
        made.append((tender_id, analysis_id))
        return (
            unit(shared, looking(tender_id), lambda session: TenderRepository(session).restore(tender_id)),
            unit(shared, looking(tender_id), lambda session: AnalysisRepository(session).restore(analysis_id)),
        )

    for number, one in played(witness, pair):
        assert {letter: type(error) for letter, error in one.errors.items()} in ({}, {"B": ConflictError}), one
        rows = [stored(witness, m, i) for m, i in zip((Tender, AnalysisResult), made[number], strict=True)]
        assert [(row["is_deleted"], row["version"]) for row in rows] == [(False, 3)] * 2, one


def put(external_id: str, session: TenantSession) -> object:
    return TenderRepository(session).put(Tender(external_id=external_id, title="Tunnel"))


def create(external_id: str, session: TenantSession) -> object:
    return TenderRepository(session).create(external_id=external_id, title="Tunnel")


def upsert_many(external_id: str, session: TenantSession) -> object:
    return TenderRepository(session).upsert_many([TenderContent(external_id=external_id, title="Tunnel")])


@pytest.mark.parametrize("write", [put, upsert_many, create])
def test_of_a_restored_row_and_a_new_one_with_its_key_one_is_live(
    shared: Database, witness: Engine, write: Callable[[str, TenantSession], object]
) -> None:
    made: list[tuple[int, str]] = []

    def pair() -> Pair:
        external_id = f"{write.__name__}-{len(made)}"
        tender_id, _ = with_an_analysis(shared, external_id=external_id)
        made.append((tender_id, external_id))
        return (
            unit(shared, looking(tender_id), lambda session: TenderRepository(session).restore(tender_id)),
            unit(shared, looking(tender_id), partial(write, external_id)),
        )

    outcomes: list[Played] = []
    for number, one in played(witness, pair):
        tender_id, external_id = made[number]
        assert one.raised() <= {DuplicateError}, one
        assert one.succeeded >= 1, one
        columns = Tender.__table__.c
        with witness.connect() as connection:
            every = select(columns.id, columns.title, columns.is_deleted).where(columns.external_id == external_id)
            rows = {row.id: row for row in connection.execute(every)}
        live = [row for row in rows.values() if not row.is_deleted]
        assert len(live) == 1, one
        assert live[0].title == ("Bridge" if "B" in one.errors else "Tunnel"), one
        assert rows[tender_id].is_deleted is ("A" in one.errors), one
        assert len(rows) == (2 if "A" in one.errors else 1), one
        outcomes.append(one)
    assert any("A" in one.errors for one in outcomes)
    assert any("A" not in one.errors for one in outcomes)


def test_an_analysis_restored_while_its_tender_is_restored_or_deleted_is_no_live_orphan(
    shared: Database, witness: Engine
) -> None:
    made: list[tuple[int, int]] = []

    def pair() -> Pair:
        with shared.get_session(organization_id=1) as session:
            tender = TenderRepository(session).create(title="Bridge")
            analysis = AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender.id))
            AnalysisRepository(session).soft_delete(analysis.id)
            if len(made) % 2:
                TenderRepository(session).soft_delete(tender.id)
        made.append((tender.id, analysis.id))
        step = (TenderRepository.soft_delete, TenderRepository.restore)[(len(made) - 1) % 2]
        return (
            unit(shared, looking(tender.id), lambda session: step(TenderRepository(session), tender.id)),
            unit(shared, looking(tender.id), lambda session: AnalysisRepository(session).restore(analysis.id)),
        )

    for number, one in played(witness, pair):
        tender, analysis = (stored(witness, m, i) for m, i in zip((Tender, AnalysisResult), made[number], strict=True))
        assert one.raised() <= {ConflictError}, one
        assert "A" not in one.errors, one
        assert analysis["is_deleted"] or not tender["is_deleted"], one
        if not number % 2 and "B" not in one.errors:
            assert analysis["deletion_id"] == tender["deletion_id"], one
