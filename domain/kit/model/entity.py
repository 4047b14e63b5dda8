"""The columns that every table has, and the bases of tables, patches and responses."""

from copy import copy
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

import typing_extensions
from pydantic.fields import FieldInfo
from sqlalchemy import Identity, text
from sqlalchemy.orm import declared_attr
from sqlmodel import Field

from .base import DomainModel
from .clock import DatabaseTime
from .fields import BigId, Text, UtcDatetime, example, library_field, utcnow
from .tables import ORGANIZATIONS

FILLED_IN: Any = None  # by the database, or by the session
_NOW = {"server_default": DatabaseTime()}


class Identified(DomainModel):
    """A row with an id."""

    id: int = library_field(
        default=FILLED_IN,
        schema_extra=example(42, json_schema_extra={"readOnly": True}),
        primary_key=True,
        sa_type=BigId,
        sa_column_kwargs={"server_default": Identity()},
    )
    """Id given by the database."""


class Stamped(Identified):
    """Fields that the library fills in and anyone may read."""

    created_at: UtcDatetime = library_field(
        default_factory=utcnow, schema_extra=example("2026-05-01T12:00:00Z"), sa_column_kwargs=_NOW
    )
    """When the row was created."""
    updated_at: UtcDatetime = library_field(
        audited=False,
        default_factory=utcnow,
        schema_extra=example("2026-05-02T08:30:00Z"),
        sa_column_kwargs={**_NOW, "onupdate": utcnow},
    )
    """When the row last changed."""
    version: int = library_field(
        audited=False,
        default=1,
        schema_extra=example(3),
        sa_column_kwargs={"server_default": text("1")},
    )
    """Counts the row's changes; send it back to update exactly what was read."""


class Deletable(DomainModel):
    """Soft deletion: the row stays, out of every answer that does not ask for it."""

    is_deleted: bool = library_field(
        default=False,
        schema_extra=example(False),
        sa_column_kwargs={"server_default": text("false")},
    )
    """True for a deleted row."""
    deleted_at: UtcDatetime | None = library_field(default=None, schema_extra=example("2026-06-01T09:00:00Z"))
    """When it was deleted."""
    deletion_id: UUID | None = library_field(default=None, schema_extra=example("0197f3c2-6d1e-7c3a-9a54-3f2b8c1d0e9f"))
    """The deletion it went with: restoring brings back exactly the rows that share it."""
    deleted_by: Text | None = library_field(
        audited=False,  # the trail names the actor itself
        default=None,
        max_length=255,
        schema_extra=example("user:12"),
    )
    """The session's actor, who deleted it."""


class Entity(Deletable, Stamped):
    """A table's base. A saved object is checked against the version it was read as."""

    retention_days: ClassVar[int | None] = 90
    """How long a deleted row can be restored before ``purge`` removes it; None: for ever."""

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        unmapped = [column.name for column in cls.__table__.c if column.info.get("unmapped")]
        return {
            "version_id_col": cls.__table__.c.version,
            "eager_defaults": True,  # what the database fills in can't be read once the session is closed
            "exclude_properties": unmapped,
        }


class OwnedByOrganization(DomainModel):
    """A row of an organization: what sessions, policies and repositories scope."""

    __of_organization__: ClassVar[bool] = True
    organization_id: int = Field(
        default=FILLED_IN,
        schema_extra=example(7),
        primary_key=True,
        foreign_key=f"{ORGANIZATIONS}.id",
        sa_type=BigId,
    )
    """The organization that the row belongs to; a bound session fills it in."""


class TenantEntity(Entity, OwnedByOrganization):
    """The base of every table that holds an organization's data. Primary key: (organization_id, id)."""


OMITTED: Any = object()
"""The default of a required field that a patch names again, so that type checkers see that it may be left out."""

EntityT = typing_extensions.TypeVar("EntityT", bound=Entity, default=Any)
RowT = TypeVar("RowT", bound=Entity, contravariant=True)


class Patch(DomainModel, Generic[EntityT]):
    """Mixin for PATCH bodies: every inherited field may be left out; its limits, and null where allowed, stay.

    It names its model, and its required fields once more::

        class InvoicePatch(InvoiceContent, Patch[Invoice]):
            number: Text = OMITTED
    """

    __patched__: ClassVar[type[Entity] | None] = None

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        for name, field in cls.model_fields.items():
            if field.default is OMITTED:
                field = cls.model_fields[name] = copy(_inherited(cls, name))
            field.default, field.default_factory = None, None
            field.json_schema_extra = _without_default
        cls.model_rebuild(force=True)

    @classmethod
    def __class_getitem__(cls, typevar_values: Any) -> Any:
        patch: Any = super().__class_getitem__(typevar_values)
        if isinstance(typevar_values, type):  # SQLModel keeps no arguments of a generic class
            patch.__patched__ = typevar_values
        return patch


class FieldGroup(Protocol[RowT]):
    """A class whose fields a row has: one that the row's class derives from."""

    def __is_of_row__(self, row: RowT, /) -> None: ...


def _inherited(patch: type[DomainModel], name: str) -> FieldInfo:
    """The field that a patch names again. Raises TypeError where it has another type."""
    restated = patch.model_fields[name].annotation
    bases = (base.model_fields for base in patch.__bases__ if issubclass(base, DomainModel))
    inherited = next((fields[name] for fields in bases if name in fields), None)
    if inherited is None or inherited.annotation != restated:
        what = f"inherits it as {inherited.annotation}" if inherited else "inherits no such field"
        raise TypeError(f"{patch.__name__}.{name} is {restated} = OMITTED, but {patch.__name__} {what}")
    return inherited


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)  # null would not be accepted for most fields


class Public(DomainModel):
    """Mixin for responses, an allow-list of fields: ignores the others, so that old clients outlive new fields."""


Public.model_config["extra"] = "ignore"
Public.model_config["json_schema_serialization_defaults_required"] = True  # a response carries every field
