"""Notices: the releases that a tender was imported from, as they were received."""

from typing import Any, ClassVar

from pydantic import JsonValue
from sqlalchemy import text
from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import TenantEntity
from ..kit.model.fields import Text, UtcDatetime, example, library_field, tenant_key
from ..kit.model.tables import live_unique
from ..kit.model.types import json_dict
from ..kit.repository import TenantRepository, constructor
from .model import Tender


class TenderNoticeContent(DomainModel):
    """Fields that an import writes."""

    tender_id: int = tenant_key(target=Tender)
    release_id: Text | None = Field(default=None, max_length=1000, schema_extra=example("r-1"))
    """The publisher's id of the release; may repeat."""
    released_at: UtcDatetime | None = Field(default=None, schema_extra=example("2026-05-01T12:00:00Z"))
    """The release's own date."""
    digest: Text = Field(
        min_length=64,
        max_length=64,
        schema_extra=example("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    )
    """SHA-256 of the content: what is received twice is kept once."""
    content: dict[str, JsonValue] = Field(
        schema_extra=example({"ocid": "ocds-213czf-000-00001", "tag": ["tender"]}),
        sa_type=json_dict(JsonValue, verbatim=True),
    )
    """The release as received."""
    package: dict[str, JsonValue] = Field(
        default_factory=dict,
        schema_extra=example({"publishedDate": "2026-05-01T12:00:00Z"}),
        sa_type=json_dict(JsonValue, verbatim=True),
    )
    """The uri and publishedDate of the package around it."""


class TenderNoticeUse(DomainModel):
    """Fields that the library writes."""

    is_superseded: bool = library_field(
        audited=False,
        default=False,
        description="Later notices state all that it stated: merging no longer reads it.",
        schema_extra=example(False),
        sa_column_kwargs={"server_default": text("false")},
    )


class TenderNotice(TenderNoticeContent, TenderNoticeUse, TenantEntity, table=True):
    """One release; a tender is merged from all of its releases."""

    __tablename__ = "tender_notices"
    __table_args__: ClassVar[Any] = (live_unique("tender_id", "digest"),)


class TenderNoticeRepository(TenantRepository[TenderNotice]):
    """The notices of one organization's tenders."""

    model = TenderNotice

    @constructor(TenderNotice)
    def create(self, entity: TenderNotice) -> TenderNotice:
        """Insert a notice. Raises DuplicateError where the tender has the same one."""
        return self.add(entity)
