"""A purge and a restore at once, in every order of their steps: all of a deletion comes back, or all of it goes."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from domain import (
    AnalysisRepository,
    AnalysisResult,
    Database,
    PurgeReport,
    TenantSession,
    Tender,
    TenderRepository,
    purge,
    utcnow,
)
from domain.testing import build
from tests.isolation.schedules import Unit, Waiting, interleavings, play
from tests.isolation.stepwise import STEPS, Stepwise, gate, stepwise_purge

TABLES = Tender.__table__, AnalysisResult.__table__


def deleted_long_ago(database: Database, witness: Engine) -> int:
    """A tender of organization 1 with an analysis, deleted as one; its id."""
    with database.get_session(organization_id=1) as session:
        tender_id = TenderRepository(session).add(build(Tender)).id
        AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender_id))
        assert TenderRepository(session).soft_delete(tender_id)
    with witness.begin() as connection:
        for table in TABLES:
            connection.execute(update(table).where(table.c.is_deleted).values(deleted_at=utcnow() - timedelta(100)))
    return tender_id


def state(witness: Engine, tender_id: int) -> list[bool]:
    """Whether the tender and its analysis are deleted; nothing for what is gone."""
    tenders, analyses = TABLES
    with witness.connect() as connection:
        return [
            *connection.scalars(select(tenders.c.is_deleted).where(tenders.c.id == tender_id)),
            *connection.scalars(select(analyses.c.is_deleted).where(analyses.c.tender_id == tender_id)),
        ]


def restore(tender_id: int, answers: list[bool], session: TenantSession) -> None:
    answers.append(TenderRepository(session).restore(tender_id))


@pytest.fixture
def emptied(shared: Database, witness: Engine) -> Database:
    """Without what other tests of the module's database left in these tables."""
    with witness.begin() as connection:
        for table in reversed(TABLES):
            connection.execute(table.delete())
    return shared


def test_a_restored_deletion_is_whole_or_the_restore_answers_false_and_it_is_gone(
    emptied: Database, witness: Engine
) -> None:
    outcomes: set[bool] = set()
    waits = 0
    with gate(emptied) as stops:
        for schedule in interleavings(STEPS + 1, 2):
            tender_id = deleted_long_ago(emptied, witness)
            answers: list[bool] = []
            reports: list[PurgeReport] = []
            purging: Unit[Any] = Unit(partial(stepwise_purge, stops, emptied, reports), [Stepwise.step] * STEPS)
            restoring: Unit[Any] = Unit(
                partial(emptied.get_session, organization_id=1), [partial(restore, tender_id, answers)]
            )
            played = play(schedule, purging, restoring, Waiting(witness))
            assert played.errors == {}, played
            if not answers[0] and state(witness, tender_id):  # it was locked, and is left to the next run
                reports.append(purge(emptied, actor="tests", organization_id=1))
            assert state(witness, tender_id) == ([False, False] if answers[0] else []), played
            assert sum(report.rows for report in reports) == (0 if answers[0] else 2), played
            outcomes.add(answers[0])
            waits += played.waits
    assert outcomes == {True, False}
    assert waits
