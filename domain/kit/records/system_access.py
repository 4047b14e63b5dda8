"""The record of every use of a system session."""

from typing import Any, ClassVar

from sqlmodel import Field

from ..model.base import DomainModel
from ..model.entity import Entity
from ..model.fields import ACTOR, Text, example


class SystemAccessContent(DomainModel):
    """Actor and reason of a system session."""

    actor: Text = Field(min_length=1, max_length=255, schema_extra=example("nightly-reset"), sa_column_kwargs=ACTOR)
    """The actor."""
    reason: Text = Field(min_length=1, max_length=1000, schema_extra=example("new month"))
    """Why."""


class SystemAccess(SystemAccessContent, Entity, table=True):
    """Written, and committed, before the session is handed out."""

    __tablename__ = "system_access"
    retention_days: ClassVar[int | None] = None
    __table_args__: ClassVar[Any] = ({"info": {"of_the_system": True}},)
