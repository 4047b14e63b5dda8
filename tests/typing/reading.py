"""Types of read sessions, for every checker; nothing here runs."""

from collections.abc import Sequence
from typing import assert_type

from sqlmodel import func, select

from domain import (
    AnalysisRepository,
    AuditRepository,
    CostRepository,
    Database,
    ReadSession,
    TenantHandle,
    TenantSession,
    Tender,
    TenderRepository,
    TenderStatus,
)


def dashboard(tenant: TenantHandle) -> dict[TenderStatus, int]:
    with tenant.read_session() as session:
        assert_type(session, ReadSession)
        assert_type(session.organization_id, int)
        return TenderRepository(session).count_by_status()


def of_either(session: TenantSession | ReadSession) -> Sequence[Tender]:
    return TenderRepository(session).find()


def statements(session: ReadSession) -> None:
    assert_type(session.exec(select(Tender)).all(), Sequence[Tender])
    assert_type(session.exec(select(Tender.title)).first(), str | None)
    assert_type(session.exec(select(func.count()).select_from(Tender)).one(), int)
    number, title = session.exec(select(Tender.id, Tender.title)).one()
    assert_type(number, int)
    assert_type(title, str)


def every_repository(session: ReadSession) -> None:
    print(AnalysisRepository(session), AuditRepository(session), CostRepository(session))


def opened(db: Database) -> int:
    with db.read_session(organization_id=1, actor="user:12") as session:
        return TenderRepository(session).count()


print(of_either)
