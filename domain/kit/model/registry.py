"""The metaclass that completes table classes, and the registry of all of them."""

from functools import lru_cache
from inspect import Signature
from typing import Any, dataclass_transform

from sqlalchemy import MetaData, Table
from sqlalchemy.event import listen
from sqlalchemy.orm import registry
from sqlmodel import Field
from sqlmodel.main import SQLModelMetaclass

from ..private import init_private_attributes
from .columns import column_of, complete_field
from .fields import library_field, lookup_field, managed_field, personal_field, relation, tenant_key
from .graph import Graph, graph_of
from .names import NAMING
from .refusals import refuse, refuse_derived
from .signature import signature_of
from .tables import ORGANIZATIONS, complete_table, refuse_awaited


@dataclass_transform(
    kw_only_default=True,
    field_specifiers=(Field, library_field, lookup_field, managed_field, personal_field, relation, tenant_key),
)
class DomainMeta(SQLModelMetaclass):
    """Completes each table from its fields, with CHECKs and composite foreign keys, unless it refuses the class."""

    __signature__: Signature

    def __new__(cls, name: str, bases: tuple[type[Any], ...], class_dict: dict[str, Any], **kwargs: Any) -> Any:
        is_table = kwargs.pop("table", False)
        if is_table:
            refuse_derived(name, bases)
        made: Any = super().__new__(cls, name, bases, class_dict, **kwargs)
        if is_table:
            # Same as SQLModel's, except for the columns' types.
            made.model_config.update(table=True, read_from_attributes=True, read_with_orm_mode=True)
            completed = [complete_field(info) for info in made.model_fields.values()]
            if any(completed):
                made.model_rebuild(force=True)
            for field, info in made.model_fields.items():
                setattr(made, field, column_of(name, field, info))
        return made

    def __init__(cls, name: str, bases: tuple[type[Any], ...], class_dict: dict[str, Any], **kwargs: Any) -> None:
        if cls.model_config.get("table") and not hasattr(cls, "__table__"):
            refuse(cls, REGISTRY.metadata.tables.values())
        super().__init__(name, bases, class_dict, **kwargs)
        cls.__signature__ = signature_of(cls)
        table: Table | None = cls.__dict__.get("__table__")
        if table is not None:
            if not getattr(cls, "__audited__", True):
                table.info["audited"] = False
            complete_table(table, dict(cls.model_fields), module=cls.__module__, name=name)
            if getattr(cls, "__private_attributes__", None):
                listen(cls, "load", init_private_attributes, propagate=True)  # SQLAlchemy calls no constructor


REGISTRY = registry(metadata=MetaData(naming_convention=NAMING))
_graph_of = lru_cache(maxsize=1)(graph_of)


def reference_graph() -> Graph:
    """The graph of every table that is known by now. Raises TypeError where one refers to a class that is not."""
    refuse_awaited()
    return _graph_of(tuple(REGISTRY.metadata.tables.values()))


def model_of(table: Table) -> type[Any]:
    """The class that the table was made for. Raises StopIteration where there is none."""
    return next(mapper.class_ for mapper in REGISTRY.mappers if mapper.local_table is table)


def organization_model() -> type[Any]:
    """The class of the organizations."""
    return model_of(REGISTRY.metadata.tables[ORGANIZATIONS])
