"""A repository written by hand on SQLAlchemy's ORM, by someone who knows it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import case, create_engine, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from ..operations import PAGE
from .contender import Contender, Content
from .tables import OrganizationColumns, TenderColumns


class Base(DeclarativeBase):
    pass


class Organization(OrganizationColumns, Base):
    __tablename__ = "organizations"


class Tender(TenderColumns, Base):
    __tablename__ = "tenders"


class Repository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, organization_id: int, tender_id: int) -> Tender | None:
        return self.session.scalars(
            select(Tender).where(Tender.organization_id == organization_id, Tender.id == tender_id, ~Tender.is_deleted)
        ).one_or_none()

    def newest(self, organization_id: int, offset: int = 0, before: Any = None) -> Sequence[Tender]:
        statement = select(Tender).where(Tender.organization_id == organization_id, ~Tender.is_deleted)
        if before is not None:
            statement = statement.where(tuple_(Tender.created_at, Tender.id) < before)
        if offset:
            statement = statement.offset(offset)
        return self.session.scalars(statement.order_by(Tender.created_at.desc(), Tender.id.desc()).limit(PAGE)).all()

    def count(self, organization_id: int, status: str) -> int:
        return self.session.scalars(
            select(func.count())
            .select_from(Tender)
            .where(Tender.organization_id == organization_id, ~Tender.is_deleted, Tender.status == status)
        ).one()

    def add(self, organization_id: int, content: Content) -> Tender:
        # One RETURNING brings the row back, with what the database filled in.
        statement = insert(Tender).values(organization_id=organization_id, **content).returning(Tender)
        return self.session.scalars(statement).one()

    def change(self, organization_id: int, tender_id: int, **changes: Any) -> bool:
        statement = (
            update(Tender)
            .where(Tender.organization_id == organization_id, Tender.id == tender_id, ~Tender.is_deleted)
            .values(version=Tender.version + 1, **changes)
            .execution_options(synchronize_session=False)
        )
        return self.session.execute(statement).rowcount == 1

    def meter(self, organization_id: int) -> bool:
        period = datetime.now(UTC).date().replace(day=1)
        used = case((Organization.usage_period >= period, Organization.monthly_analysis_count), else_=0)
        statement = (
            update(Organization)
            .where(Organization.id == organization_id, Organization.is_active, ~Organization.is_deleted)
            .where(used < Organization.monthly_analysis_limit)
            .values(
                monthly_analysis_count=used + 1,
                usage_period=func.greatest(Organization.usage_period, period),
                updated_at=Organization.updated_at,
            )
            .execution_options(synchronize_session=False)
        )
        return self.session.execute(statement).rowcount == 1


class SQLAlchemyOrm(Contender):
    name = "SQLAlchemy ORM"

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_size=20)
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    def close(self) -> None:
        self.engine.dispose()

    def get(self, organization_id: int, tender_id: int) -> Tender | None:
        with self.sessions.begin() as session:
            return Repository(session).get(organization_id, tender_id)

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Tender]:
        with self.sessions.begin() as session:
            return Repository(session).newest(organization_id, offset)

    def count(self, organization_id: int, status: str) -> int:
        with self.sessions.begin() as session:
            return Repository(session).count(organization_id, status)

    def create(self, organization_id: int, content: Content) -> Tender:
        with self.sessions.begin() as session:
            return Repository(session).add(organization_id, content)

    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool:
        with self.sessions.begin() as session:
            return Repository(session).change(organization_id, tender_id, status=status, error_message=None)

    def soft_delete(self, organization_id: int, tender_id: int) -> bool:
        with self.sessions.begin() as session:
            gone = {"is_deleted": True, "deleted_at": func.now(), "deletion_id": uuid4()}
            return Repository(session).change(organization_id, tender_id, **gone)

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Tender]:
        with self.sessions.begin() as session:
            return Repository(session).newest(organization_id, before=cursor)

    def mixed(self, slug: str, content: Content) -> Sequence[Tender]:
        with self.sessions.begin() as session:
            tenders = Repository(session)
            organization = session.scalars(
                select(Organization).where(Organization.slug == slug, ~Organization.is_deleted)
            ).one()
            assert tenders.meter(organization.id)
            tenders.add(organization.id, content)
            return tenders.newest(organization.id)

    def create_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.sessions.begin() as session:
            given = [{"organization_id": organization_id, **row} for row in rows]
            return session.scalars(insert(Tender).returning(Tender.id), given).all()

    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        statement = postgresql_insert(Tender)
        changes = {name: statement.excluded[name] for name in rows[0] if name != "external_id"}
        statement = statement.on_conflict_do_update(
            index_elements=["organization_id", "external_id"],
            index_where=text("NOT is_deleted"),
            set_={**changes, "updated_at": func.now(), "version": Tender.version + 1},
        )
        with self.sessions.begin() as session:
            given = [{"organization_id": organization_id, **row} for row in rows]
            return session.scalars(statement.returning(Tender.id), given).all()
