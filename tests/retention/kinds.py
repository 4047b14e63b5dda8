"""An application's own tables, with retentions of their own."""

from typing import ClassVar

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field

from domain import Entity, TenantEntity, Tender, Text, User, tenant_key
from domain.kit.model.fields import BigId
from domain.kit.model.graph import ON_DELETE


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
    words: Text | None = None


class Branch(TenantEntity, table=True):
    """A tree: it goes with the branch that it grows from."""

    __tablename__ = "test_branches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "parent_id"],
            ["test_branches.organization_id", "test_branches.id"],
            info={ON_DELETE: "cascade"},
        ),
    )
    retention_days: ClassVar[int | None] = 30
    parent_id: int | None = Field(default=None, sa_type=BigId)


class Unit(Entity, table=True):
    """A table of no organization."""

    __tablename__ = "test_units"
    retention_days: ClassVar[int | None] = 10
    name: Text
