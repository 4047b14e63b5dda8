"""Ours, with everything on: row level security, the guard, the scope, soft deletion as a batch, validation."""

from collections.abc import Sequence
from typing import Any

from domain import Database, OrganizationRepository, Tender, TenderPublic, TenderRepository, TenderStatus

from ..operations import DEPTH, PAGE
from .contender import Contender, Content


class Ours(Contender):
    name = "ours"
    isolated = True

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    def close(self) -> None:
        self.database.close()

    def get(self, organization_id: int, tender_id: int) -> Tender | None:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).get_by_id(tender_id)

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Tender]:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).list_by_organization(limit=PAGE, offset=offset)

    def count(self, organization_id: int, status: str) -> int:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).count_by_organization(status=TenderStatus(status))

    def create(self, organization_id: int, content: Content) -> Tender:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).create(**content)

    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).update_status(tender_id, TenderStatus(status))

    def soft_delete(self, organization_id: int, tender_id: int) -> bool:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).soft_delete(tender_id)

    def cursor(self, organization_id: int, depth: int = DEPTH) -> Any:
        cursor = None
        with self.database.get_session(organization_id=organization_id) as session:
            for _ in range(depth // 100):
                cursor = TenderRepository(session).page(after=cursor, limit=100).next_cursor
        return cursor

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Tender]:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).page(after=cursor, limit=PAGE).items

    def meter(self, organization_id: int) -> bool:
        with self.database.get_session(organization_id=organization_id) as session:
            return OrganizationRepository(session).update_usage(organization_id)

    def mixed(self, slug: str, content: Content) -> Sequence[Tender]:
        with self.database.get_session() as session:
            organizations, tenders = OrganizationRepository(session), TenderRepository(session)
            organization = organizations.get_by_slug(slug)
            assert organization is not None
            assert organizations.update_usage(organization.id)
            tenders.create(**content)
            return tenders.list_by_organization(limit=PAGE)

    def create_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).create_many(rows)

    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).upsert_many(rows)


class Answer(TenderPublic):
    """What an API answers, and whose it is, for the check."""

    organization_id: int


class OursAsSchema(Ours):
    """The same, but that rows are read straight into what an API answers."""

    name = "ours, as_=TenderPublic"

    def get(self, organization_id: int, tender_id: int) -> Any:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).get(tender_id, as_=Answer)

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Any]:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).find(limit=PAGE, offset=offset, as_=Answer)

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Any]:
        with self.database.get_session(organization_id=organization_id) as session:
            return TenderRepository(session).page(after=cursor, limit=PAGE, as_=Answer).items


class OursAudited(Ours):
    """The same with the audit trail on, which none of the others has: an entry for each row that is written."""

    name = "ours, audit trail on"
    audited = True
