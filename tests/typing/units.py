"""Types of ``Database.run`` and ``arun``, for every checker; nothing here runs."""

from typing import assert_type

from domain import Database, TenantSession, Tender, TenderRepository


def find(session: TenantSession) -> Tender | None:
    return TenderRepository(session).get(1)


def units(db: Database) -> None:
    assert_type(db.run(find, organization_id=1), Tender | None)
    assert_type(db.run(lambda session: TenderRepository(session).count(), organization_id=1, attempts=5), int)


async def asynchronous(db: Database) -> None:
    assert_type(await db.arun(find, organization_id=1, actor="worker"), Tender | None)
    assert_type(await db.arun(lambda session: session.organization_id, organization_id=1), int)
