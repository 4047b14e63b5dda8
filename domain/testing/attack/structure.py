"""Faults of the tables' structure, found before any attempt."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import inspect

from ...database import Database
from ...kit.model.tables import ORGANIZATION_ID
from ...kit.schema.beside import faults as faults_beside
from .discovery import Kind, Model, references

_PACKAGE = __name__.partition(".")[0]


def faults(database: Database, models: Collection[Model], kinds: Collection[Kind]) -> Iterator[tuple[str, str]]:
    """(model, what it lacks), as the database has it."""
    for model in models:
        for fault in _faults_of_table(database, model):
            yield model.__name__, fault
        # Some of this package's own are written by another's repository.
        if not (any(kind.model is model for kind in kinds) or model.__module__.startswith(f"{_PACKAGE}.")):
            yield model.__name__, "no repository: derive one from TenantRepository, or leave the model out of models="
    names = {model.__table__: model.__name__ for model in models}
    with database.migration_engine.connect() as connection:
        for _, table, said in faults_beside(connection, names):
            yield names[table], f"{said}: run the migrations"


def _faults_of_table(database: Database, model: Model) -> Iterator[str]:
    name = model.__table__.name
    stored: Any = inspect(database.migration_engine)
    primary = stored.get_pk_constraint(name)["constrained_columns"]
    uniques = [unique["column_names"] for unique in stored.get_unique_constraints(name)]
    pair = [ORGANIZATION_ID, "id"]
    if primary != pair and not (database.is_sqlite and pair in uniques):
        yield f"no composite primary key {pair}, but {primary}"
    keys = [(key["constrained_columns"], key["referred_columns"]) for key in stored.get_foreign_keys(name)]
    for column in references(model):
        if ([ORGANIZATION_ID, column], pair) not in keys:
            yield f"no composite foreign key {(ORGANIZATION_ID, column)}"
    columns = [primary, *uniques, *(index["column_names"] for index in stored.get_indexes(name))]
    if not any(found[:1] == [ORGANIZATION_ID] for found in columns):
        yield f"no index that starts with {ORGANIZATION_ID}"
