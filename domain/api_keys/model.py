"""API keys: what the programs of an organization log in with. A key itself is stored nowhere."""

from hashlib import sha256
from typing import Any, ClassVar

from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import Public, Stamped, TenantEntity
from ..kit.model.fields import Text, example, lookup_field
from ..kit.model.tables import live_index
from ..users.model import UserRole


def digest_of(key: str) -> str:
    """The hash that is stored: a key has 256 random bits, and so needs no slow one."""
    return sha256(key.encode(errors="surrogatepass")).hexdigest()


class ApiKeyContent(DomainModel):
    """Fields that an administrator writes."""

    name: Text = Field(
        min_length=1, max_length=100, description="The program that has it.", schema_extra=example("nightly import")
    )
    role: UserRole = Field(
        default=UserRole.MEMBER, description="What the program may do.", schema_extra=example("member")
    )


class ApiKeySecret(DomainModel):
    """Never in a response, repr, error or log."""

    digest: Text = lookup_field(
        min_length=64, max_length=64, description="SHA-256 of the key, in hex.", schema_extra=example("0" * 64)
    )


class ApiKey(ApiKeyContent, ApiKeySecret, TenantEntity, table=True):
    """A key of an organization."""

    __tablename__ = "api_keys"
    __table_args__: ClassVar[Any] = (live_index("created_at", "id"),)


class ApiKeyPublic(ApiKeyContent, Stamped, Public):
    """Response."""


class IssuedApiKey(ApiKeyPublic):
    """Response to its creation, the only one that shows the key."""

    key: Text = Field(
        repr=False,
        description="The key: keep it, it is not shown again.",
        schema_extra=example("kR1nZ0cK0T8sXv5o2m9bEw7yQ4uJ6aHfLpGdNiCtVxS"),
    )
