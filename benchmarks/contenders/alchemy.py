"""advanced-alchemy's synchronous repository, used as its documentation does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from advanced_alchemy.base import AdvancedDeclarativeBase, CommonTableAttributes
from advanced_alchemy.filters import LimitOffset
from advanced_alchemy.repository import SQLAlchemySyncRepository
from sqlalchemy import create_engine, tuple_
from sqlalchemy.orm import Session, sessionmaker

from ..operations import PAGE
from .contender import Contender, Content
from .tables import OrganizationColumns, TenderColumns, natural_key

NEWEST_FIRST = [("created_at", True), ("id", True)]


class Base(CommonTableAttributes, AdvancedDeclarativeBase):
    __abstract__ = True


class Organization(OrganizationColumns, Base):
    __tablename__ = "organizations"


class Tender(TenderColumns, Base):
    __tablename__ = "tenders"
    __table_args__ = natural_key()


class OrganizationRepository(SQLAlchemySyncRepository[Organization]):
    model_type = Organization


class TenderRepository(SQLAlchemySyncRepository[Tender]):
    model_type = Tender

    def newest(self, *filters: Any, organization_id: int, offset: int = 0) -> Sequence[Tender]:
        own = {"organization_id": organization_id, "is_deleted": False}
        return self.get_many(*filters, LimitOffset(PAGE, offset), order_by=NEWEST_FIRST, **own)


class AdvancedAlchemy(Contender):
    name = "advanced-alchemy"

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_size=20)
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    def close(self) -> None:
        self.engine.dispose()

    def get(self, organization_id: int, tender_id: int) -> Tender | None:
        with self.sessions.begin() as session:
            return live(session, organization_id, tender_id)

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Tender]:
        with self.sessions.begin() as session:
            return TenderRepository(session=session).newest(organization_id=organization_id, offset=offset)

    def count(self, organization_id: int, status: str) -> int:
        with self.sessions.begin() as session:
            own = {"organization_id": organization_id, "is_deleted": False, "status": status}
            return TenderRepository(session=session).count(**own)

    def create(self, organization_id: int, content: Content) -> Tender:
        with self.sessions.begin() as session:
            return TenderRepository(session=session).add(Tender(organization_id=organization_id, **content))

    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool:
        with self.sessions.begin() as session:
            return changed(session, organization_id, tender_id, status=status, error_message=None)

    def soft_delete(self, organization_id: int, tender_id: int) -> bool:
        with self.sessions.begin() as session:
            gone = {"is_deleted": True, "deleted_at": datetime.now(UTC), "deletion_id": uuid4()}
            return changed(session, organization_id, tender_id, **gone)

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Tender]:
        with self.sessions.begin() as session:
            before = tuple_(Tender.created_at, Tender.id) < cursor
            return TenderRepository(session=session).newest(before, organization_id=organization_id)

    def mixed(self, slug: str, content: Content) -> Sequence[Tender]:
        with self.sessions.begin() as session:
            organizations, tenders = OrganizationRepository(session=session), TenderRepository(session=session)
            organization = organizations.get_one(slug=slug, is_deleted=False, with_for_update=True)
            period = datetime.now(UTC).date().replace(day=1)
            if organization.usage_period < period:
                organization.usage_period, organization.monthly_analysis_count = period, 0
            assert organization.monthly_analysis_count < organization.monthly_analysis_limit
            organization.monthly_analysis_count += 1
            organizations.update(organization)
            tenders.add(Tender(organization_id=organization.id, **content))
            return tenders.newest(organization_id=organization.id)

    def create_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.sessions.begin() as session:
            data = [Tender(organization_id=organization_id, **row) for row in rows]
            return TenderRepository(session=session).add_many(data)

    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.sessions.begin() as session:
            data = [Tender(organization_id=organization_id, **row) for row in rows]
            tenders, match = TenderRepository(session=session), ["organization_id", "external_id"]
            # In one call 10,000 pairs of match fields go past PostgreSQL's stack depth.
            chunks = (data[start : start + 1000] for start in range(0, len(data), 1000))
            return [tender for chunk in chunks for tender in tenders.upsert_many(chunk, match_fields=match)]


def live(session: Session, organization_id: int, tender_id: int) -> Tender | None:
    own = {"organization_id": organization_id, "id": tender_id, "is_deleted": False}
    return TenderRepository(session=session).get_one_or_none(**own)


def changed(session: Session, organization_id: int, tender_id: int, **changes: Any) -> bool:
    tender = live(session, organization_id, tender_id)
    if tender is None:
        return False
    for name, value in changes.items():
        setattr(tender, name, value)
    tender.version += 1
    TenderRepository(session=session).update(tender)
    return True
