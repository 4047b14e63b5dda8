"""Organizations: the tenants, their plan and their month's usage."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import model_validator
from sqlalchemy import CheckConstraint
from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import OMITTED, Entity, Patch, Public, Stamped
from ..kit.model.fields import Cost, Text, example, library_field
from ..kit.model.tables import ORGANIZATIONS, live_unique
from ..kit.model.types import Money

INT32_MAX = 2**31 - 1
SLUG_SETTING = "app.organization_slug"


class SubscriptionTier(StrEnum):
    """The plans on sale."""

    FREE = "free"
    BASIC = "basic"
    PRO = "pro"
    ENTERPRISE = "enterprise"


def current_period() -> date:
    """The first day of the current UTC month."""
    return datetime.now(UTC).date().replace(day=1)


class OrganizationContent(DomainModel):
    """Fields that a client may write."""

    name: Text = Field(min_length=1, max_length=255, schema_extra=example("Acme Corp"))
    """The organization's name."""
    slug: Text = Field(min_length=1, max_length=100, schema_extra=example("acme", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"))
    """Its name in URLs: lower-case words joined by single hyphens."""


class OrganizationPlan(DomainModel):
    """Fields that sales and administration write."""

    subscription_tier: SubscriptionTier = Field(default=SubscriptionTier.FREE, schema_extra=example("pro"))
    """The plan it pays for."""
    monthly_analysis_limit: int = Field(default=100, ge=0, le=INT32_MAX, schema_extra=example(100))
    """How many analyses a UTC month allows."""
    monthly_budget_usd: Cost | None = Field(default=None, ge=0, schema_extra=example("50.000000"), sa_type=Money(14, 6))
    """USD that a UTC month's reservations may come to, with what was spent; null: no bound."""
    is_active: bool = Field(default=True, schema_extra=example(True))
    """True while it may use the product."""
    legal_hold: bool = Field(default=False, schema_extra=example(False))
    """True while all it has must be kept: nothing is purged or erased."""


class OrganizationUsage(DomainModel):
    """Fields that metering writes."""

    monthly_analysis_count: int = library_field(audited=False, default=0, ge=0, le=INT32_MAX, schema_extra=example(17))
    """Analyses used in usage_period."""
    usage_period: date = library_field(
        audited=False,
        default_factory=current_period,
        schema_extra=example("2026-05-01"),
    )
    """First day of the UTC month that the count belongs to."""


class Organization(OrganizationUsage, OrganizationPlan, OrganizationContent, Entity, table=True):
    """A tenant. Its id scopes every other table."""

    __tablename__ = ORGANIZATIONS
    __table_args__: ClassVar[Any] = (
        live_unique("slug", across_organizations=True),
        CheckConstraint(
            "trim(slug, 'abcdefghijklmnopqrstuvwxyz0123456789-') = ''"
            " AND trim(slug, '-') = slug AND replace(slug, '--', '') = slug",
            name="slug_words",
        ),
        {"info": {"lookups": {"slug": SLUG_SETTING}, "creations": {"slug": SLUG_SETTING}}},
    )


class OrganizationPatch(OrganizationContent, Patch[Organization]):
    """PATCH body."""

    name: Text = OMITTED
    slug: Text = OMITTED


class OrganizationPublic(OrganizationContent, OrganizationPlan, OrganizationUsage, Stamped, Public):
    """Response; its usage is the current UTC month's, which may not have been metered yet."""

    @model_validator(mode="after")
    def _show_current_month(self) -> Self:
        if self.usage_period < current_period():
            vars(self).update(monthly_analysis_count=0, usage_period=current_period())
        return self
