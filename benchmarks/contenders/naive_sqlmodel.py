"""SQLModel as most teams write it: load, set, add, commit, refresh."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, DateTime, Identity, Numeric, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, create_engine, func, select

from ..operations import PAGE
from .contender import Contender, Content


def now() -> datetime:
    return datetime.now(UTC)


class Base(SQLModel, registry=registry()):
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    version: int = 1
    is_deleted: bool = False
    deleted_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    deletion_id: UUID | None = None


class Organization(Base, table=True):
    __tablename__ = "organizations"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    slug: str
    subscription_tier: str = "free"
    monthly_analysis_limit: int = 100
    monthly_analysis_count: int = 0
    usage_period: date
    is_active: bool = True


class Tender(Base, table=True):
    __tablename__ = "tenders"

    organization_id: int = Field(sa_type=BigInteger, primary_key=True)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True, autoincrement=True))
    status: str = "pending"
    processing_time: float | None = None
    error_message: str | None = None
    external_id: str | None = None
    source: str | None = None
    title: str
    description: str | None = None
    organization_name: str | None = None
    deadline: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    estimated_value: Decimal | None = Field(default=None, sa_type=Numeric(20, 4))
    currency: str | None = None
    url: str | None = None
    location: str | None = None
    categories: list[str] = Field(default_factory=list, sa_type=JSONB)
    notice_status: str | None = None
    published_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class NaiveSQLModel(Contender):
    name = "SQLModel"

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_size=20)

    def close(self) -> None:
        self.engine.dispose()

    def get(self, organization_id: int, tender_id: int) -> Tender | None:
        with Session(self.engine) as session:
            return self._live(session, organization_id, tender_id)

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Tender]:
        with Session(self.engine) as session:
            return session.exec(newest(organization_id).offset(offset)).all()

    def count(self, organization_id: int, status: str) -> int:
        with Session(self.engine) as session:
            statement = select(func.count()).select_from(Tender)
            statement = statement.where(Tender.organization_id == organization_id, ~col(Tender.is_deleted))
            return session.exec(statement.where(Tender.status == status)).one()

    def create(self, organization_id: int, content: Content) -> Tender:
        with Session(self.engine) as session:
            return saved(session, Tender(organization_id=organization_id, **content))

    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool:
        with Session(self.engine) as session:
            tender = self._live(session, organization_id, tender_id)
            if tender is None:
                return False
            tender.status, tender.error_message = status, None
            tender.updated_at, tender.version = now(), tender.version + 1
            saved(session, tender)
            return True

    def soft_delete(self, organization_id: int, tender_id: int) -> bool:
        with Session(self.engine) as session:
            tender = self._live(session, organization_id, tender_id)
            if tender is None:
                return False
            tender.is_deleted, tender.deleted_at, tender.deletion_id = True, now(), uuid4()
            tender.updated_at, tender.version = now(), tender.version + 1
            session.add(tender)
            session.commit()
            return True

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Tender]:
        with Session(self.engine) as session:
            before = tuple_(col(Tender.created_at), col(Tender.id)) < cursor
            return session.exec(newest(organization_id).where(before)).all()

    def mixed(self, slug: str, content: Content) -> Sequence[Tender]:
        with Session(self.engine) as session:
            found = select(Organization).where(Organization.slug == slug, ~col(Organization.is_deleted))
            organization = session.exec(found.with_for_update()).one()
            period = now().date().replace(day=1)
            if organization.usage_period < period:
                organization.usage_period, organization.monthly_analysis_count = period, 0
            assert organization.monthly_analysis_count < organization.monthly_analysis_limit
            organization.monthly_analysis_count += 1
            session.add(organization)
            session.add(Tender(organization_id=organization.id, **content))
            session.flush()
            rows = session.exec(newest(organization.id)).all()
            session.expunge_all()  # or the rows that are handed out would expire with the commit
            session.commit()
            return rows

    def create_many(self, organization_id: int, rows: list[Content]) -> Any:
        with Session(self.engine) as session:
            for row in rows:
                session.add(Tender(organization_id=organization_id, **row))
            session.commit()

    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        with Session(self.engine) as session:
            for row in rows:
                statement = select(Tender).where(Tender.organization_id == organization_id, ~col(Tender.is_deleted))
                tender = session.exec(statement.where(Tender.external_id == row["external_id"])).first()
                if tender is None:
                    tender = Tender(organization_id=organization_id, **row)
                else:
                    for name, value in row.items():
                        setattr(tender, name, value)
                    tender.updated_at, tender.version = now(), tender.version + 1
                session.add(tender)
            session.commit()

    def _live(self, session: Session, organization_id: int, tender_id: int) -> Tender | None:
        statement = select(Tender).where(Tender.organization_id == organization_id, Tender.id == tender_id)
        return session.exec(statement.where(~col(Tender.is_deleted))).first()


def newest(organization_id: int) -> Any:
    statement = select(Tender).where(Tender.organization_id == organization_id, ~col(Tender.is_deleted))
    return statement.order_by(col(Tender.created_at).desc(), col(Tender.id).desc()).limit(PAGE)


def saved(session: Session, entity: Tender) -> Tender:
    session.add(entity)
    session.commit()
    session.refresh(entity)
    return entity
