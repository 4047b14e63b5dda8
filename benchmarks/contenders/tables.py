"""The columns of a tender as a SQLAlchemy user declares them; mapped by the tables' own primary key."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column


class StampedColumns:
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
    version: Mapped[int] = mapped_column(server_default=text("1"))
    is_deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deletion_id: Mapped[UUID | None]


class TenderColumns(StampedColumns):
    organization_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, autoincrement=True)
    status: Mapped[str] = mapped_column(default="pending")
    processing_time: Mapped[float | None]
    error_message: Mapped[str | None]
    external_id: Mapped[str | None]
    source: Mapped[str | None]
    title: Mapped[str]
    description: Mapped[str | None]
    organization_name: Mapped[str | None]
    deadline: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    estimated_value: Mapped[Decimal | None] = mapped_column(Numeric(20, 4))
    currency: Mapped[str | None]
    url: Mapped[str | None]
    location: Mapped[str | None]
    categories: Mapped[list[str]] = mapped_column(JSONB, default=list)
    notice_status: Mapped[str | None]
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class OrganizationColumns(StampedColumns):
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]
    subscription_tier: Mapped[str] = mapped_column(default="free")
    monthly_analysis_limit: Mapped[int] = mapped_column(default=100)
    monthly_analysis_count: Mapped[int] = mapped_column(default=0)
    usage_period: Mapped[date]
    is_active: Mapped[bool] = mapped_column(default=True)


def natural_key() -> tuple[Any, ...]:
    """What an upsert goes by."""
    live = text("NOT is_deleted")
    return (Index("ux_tenders_key", "organization_id", "external_id", unique=True, postgresql_where=live),)
