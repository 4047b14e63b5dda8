"""Users: one login, one account, in one organization."""

from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import OMITTED, Patch, Public, Stamped, TenantEntity
from ..kit.model.fields import LowerText, Text, UtcDatetime, example, library_field, personal_field
from ..kit.model.tables import live_unique

EMAIL_SETTING = "app.login_email"


class UserRole(StrEnum):
    """Rights of a user, widest first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class UserProfile(DomainModel):
    """Fields that a client may write."""

    email: LowerText = personal_field(
        min_length=3,
        max_length=255,
        schema_extra=example("ann@example.org", pattern=r"^[^@\s]+@[^@\s]+$"),
    )
    """The login, stored lower-case; unique among the live users of the whole system."""
    full_name: Text = personal_field(min_length=1, max_length=255, schema_extra=example("Ann Example"))
    """The person's name."""


class UserAccess(DomainModel):
    """Fields that administrators write."""

    role: UserRole = Field(default=UserRole.MEMBER, schema_extra=example("member"))
    """Rights of the user."""
    is_active: bool = Field(default=True, schema_extra=example(True))
    """True while the user may log in."""
    is_verified: bool = Field(default=False, schema_extra=example(False))
    """True where the email is known to be theirs."""


class UserSecret(DomainModel):
    """Never in a response, repr, error or log."""

    hashed_password: Text = Field(
        min_length=1,
        max_length=255,
        exclude=True,
        repr=False,
        schema_extra=example("$argon2id$v=19$m=65536,t=3,p=4$..."),
    )
    """The password's hash, with its algorithm and salt."""


class UserActivity(DomainModel):
    """Fields that a login writes."""

    last_login_at: UtcDatetime | None = library_field(
        audited=False, default=None, schema_extra=example("2026-05-01T12:00:00Z")
    )
    """When the user last logged in."""


class User(UserProfile, UserAccess, UserSecret, UserActivity, TenantEntity, table=True):
    """A login of an organization."""

    __tablename__ = "users"
    __table_args__: ClassVar[Any] = (
        live_unique("email", across_organizations=True),
        CheckConstraint("email = lower(email)", name="email_lower_case"),
        {"info": {"lookups": {"email": EMAIL_SETTING}, "goes_with_organization": True}},
    )


class UserPatch(UserProfile, Patch[User]):
    """PATCH body."""

    email: LowerText = OMITTED
    full_name: Text = OMITTED


class UserPublic(UserProfile, UserAccess, UserActivity, Stamped, Public):
    """Response."""
