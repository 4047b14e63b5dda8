"""Whatever way a row is written, what it refers to is live."""

from collections.abc import Callable
from typing import TypeAlias

import pytest
from sqlmodel import col, select

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ConstraintError,
    Database,
    TenantSession,
    TenderRepository,
    including_deleted,
)
from domain.testing import build
from tests.support.statements import recorded

Write: TypeAlias = Callable[[TenantSession, int], None]


def by_repository(session: TenantSession, tender_id: int) -> None:
    AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender_id))


def by_hand(session: TenantSession, tender_id: int) -> None:
    session.add(build(AnalysisResult, tender_id=tender_id))
    session.flush()


def by_assignment(session: TenantSession, tender_id: int) -> None:
    other = TenderRepository(session).create(title="Another")
    analysis = AnalysisRepository(session).add(build(AnalysisResult, tender_id=other.id))
    analysis.tender_id = tender_id
    session.flush()


WRITES = pytest.mark.parametrize("write", [by_repository, by_hand, by_assignment])


@pytest.fixture
def tender_id(domain_db: Database) -> int:
    with domain_db.get_session(organization_id=1) as session:
        return TenderRepository(session).create(title="Bridge").id


def analyses_of(db: Database, tender_id: int) -> int:
    with db.get_session(organization_id=1) as session:
        statement = select(AnalysisResult).where(col(AnalysisResult.tender_id) == tender_id)
        return len(session.exec(including_deleted(statement)).all())


@WRITES
def test_a_row_is_written_below_a_live_one(domain_db: Database, tender_id: int, write: Write) -> None:
    with domain_db.get_session(organization_id=1) as session:
        write(session, tender_id)
    assert analyses_of(domain_db, tender_id) == 1


@WRITES
def test_a_row_below_a_deleted_one_is_refused(domain_db: Database, tender_id: int, write: Write) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(tender_id)
    with pytest.raises(ConstraintError, match="no live row"), domain_db.get_session(organization_id=1) as session:
        write(session, tender_id)
    assert analyses_of(domain_db, tender_id) == 0


@WRITES
def test_a_row_below_another_organizations_is_refused(domain_db: Database, tender_id: int, write: Write) -> None:
    with pytest.raises(ConstraintError, match="no live row"), domain_db.get_session(organization_id=2) as session:
        write(session, tender_id)
    assert analyses_of(domain_db, tender_id) == 0


def test_a_system_session_is_held_to_it_too(domain_db: Database, tender_id: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(tender_id)
    with (
        pytest.raises(ConstraintError, match="no live row"),
        domain_db.system_session(actor="tests", reason="by hand") as session,
    ):
        session.add(build(AnalysisResult, tender_id=tender_id, organization_id=1))
    assert analyses_of(domain_db, tender_id) == 0


def test_what_a_repository_adds_is_looked_up_once(domain_db: Database, tender_id: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).count()
        with recorded(domain_db.engine) as sent:
            by_repository(session, tender_id)
            session.flush()
    assert [statement.split()[0] for statement in sent] == ["SELECT", "INSERT"]
