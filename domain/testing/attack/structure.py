"""What the tables have to have, before anything is tried."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import inspect

from ...database import Database
from ...kit.model.tables import ORGANIZATION_ID
from ...kit.schema.beside import faults as faults_beside
from ...kit.schema.policies import RowLevelSecurity
from .discovery import Kind, Model, references
from .layers import Layer


def faults(
    database: Database, models: Collection[Model], kinds: Collection[Kind], layers: Collection[Layer]
) -> Iterator[tuple[str, str]]:
    """(model, what it lacks), as the database has it; its row level security only where that layer is looked at."""
    beside = _beside(database, models, layers)
    for model in models:
        found = list(_faults_of_table(database, model))
        if not any(kind.model is model for kind in kinds):
            found.append("no repository: derive one from TenantRepository, or leave the model out of models=")
        found += [f"{said}: run the migrations" for name, said in beside if name == model.__table__.name]
        yield from ((model.__name__, fault) for fault in found)


def _faults_of_table(database: Database, model: Model) -> Iterator[str]:
    name = model.__table__.name
    stored: Any = inspect(database.migration_engine)
    primary = stored.get_pk_constraint(name)["constrained_columns"]
    uniques = [unique["column_names"] for unique in stored.get_unique_constraints(name)]
    pair = [ORGANIZATION_ID, "id"]
    if primary != pair and not (database.is_sqlite and pair in uniques):
        yield f"no composite primary key {pair}, but {primary}"
    keys = {
        (tuple(key["constrained_columns"]), tuple(key["referred_columns"])) for key in stored.get_foreign_keys(name)
    }
    for column in references(model):
        if ((ORGANIZATION_ID, column), (ORGANIZATION_ID, "id")) not in keys:
            yield f"no composite foreign key {(ORGANIZATION_ID, column)}"
    columns = [primary, *uniques, *(index["column_names"] for index in stored.get_indexes(name))]
    if not any(found[:1] == [ORGANIZATION_ID] for found in columns):
        yield f"no index that starts with {ORGANIZATION_ID}"


def _beside(database: Database, models: Collection[Model], layers: Collection[Layer]) -> list[tuple[str, str]]:
    """(table, fault) of what stands beside the tables."""
    with database.migration_engine.connect() as connection:
        return [
            (table.name, said)
            for kind, table, said in faults_beside(connection, [model.__table__ for model in models])
            if Layer.POLICIES in layers or kind.name != RowLevelSecurity.name
        ]
