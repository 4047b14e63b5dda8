"""Targets of an attack: the models of organizations, and the repositories over them."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import inspect

from ...database import Database
from ...kit.model import DomainModel, TenantEntity
from ...kit.model.registry import REGISTRY, model_of, reference_graph
from ...kit.model.tables import is_tenant_table
from ...kit.repository import Repository
from ...organizations.model import Organization

Model = type[Any]  # of a TenantEntity, or Organization
Kind = type[Any]  # of a Repository, of whatever model


def tenant_models(database: Database, only: Collection[type[DomainModel]] | None = None) -> list[Model]:
    """The models whose rows belong to an organization and whose tables the database has, parents first.

    ``only`` these, and what their rows refer to.
    """
    present = set(inspect(database.migration_engine).get_table_names())
    models = {mapper.local_table: mapper.class_ for mapper in REGISTRY.mappers}
    ordered = [models[table] for table in reference_graph().order if table in models and table.name in present]
    wanted = {*(ordered if only is None else only)}
    for model in reversed(ordered):
        if model in wanted:
            wanted |= {*references(model).values()}
    return [model for model in ordered if issubclass(model, TenantEntity) and model in wanted]


def repositories(models: Collection[Model]) -> list[Kind]:
    """Every repository of these models, and of organizations, in the order of the models."""
    found = {kind for kind in _below(Repository) if getattr(kind, "model", None) in {*models, Organization}}
    order = [Organization, *models]
    return sorted(found, key=lambda kind: (order.index(kind.model), kind.__name__))


def _below(kind: Kind) -> Iterator[Kind]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def public_methods(kind: Kind) -> list[str]:
    """The names of what can be called on a repository."""
    found = ((name, getattr(kind, name)) for name in dir(kind) if not name.startswith("_"))
    return [name for name, value in found if callable(value) and not isinstance(value, type)]  # the model, the patch


def references(model: Model) -> dict[str, Model]:
    """The columns that refer to another tenant table, with its model."""
    edges = reference_graph().of(model.__table__)
    return {edge.column: model_of(edge.parent) for edge in edges if is_tenant_table(edge.parent)}
