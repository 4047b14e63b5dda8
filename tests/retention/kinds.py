"""An application's own tables, with retentions of their own."""

from typing import ClassVar

from sqlmodel import Field

from domain import Entity, TenantEntity, Tender, Text, User, tenant_key


class Section(TenantEntity, table=True):
    """A part of a tender."""

    __tablename__ = "test_sections"
    retention_days: ClassVar[int | None] = 30
    tender_id: int = tenant_key(Tender)


class Remark(TenantEntity, table=True):
    """What somebody said of a section; kept for ever."""

    __tablename__ = "test_remarks"
    retention_days: ClassVar[int | None] = None
    section_id: int = tenant_key(Section)
    user_id: int | None = tenant_key(User, default=None)
    reviewer: Text | None = Field(default=None, sa_column_kwargs={"info": {"mentions": True}})


class Unit(Entity, table=True):
    """A table of no organization."""

    __tablename__ = "test_units"
    retention_days: ClassVar[int | None] = 10
    name: Text
