"""The models' rules, by the names that they have in the database: what a refusal is about."""

import re
from collections.abc import Iterator, Sequence
from typing import cast

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.schema import ColumnCollectionConstraint

from ...errors import ConstraintError, DuplicateError
from ..model.registry import REGISTRY
from ..model.tables import ORGANIZATION_ID

_Rule = ColumnCollectionConstraint | Index


def duplicate(name: str, table: str = "") -> DuplicateError:
    """The error for a taken unique value, by the constraint's name; PostgreSQL tells a partition's and its table."""
    for entity, rule in _unique_rules():
        if name == rule.name or name.rstrip("0123456789") == _of_partition(rule, table):
            return DuplicateError(entity, _fields(rule), constraint=str(rule.name))
    return DuplicateError("a table", (name,), constraint=name)


def duplicate_of_columns(table: str, columns: Sequence[str]) -> DuplicateError:
    """The same by the columns, which are all that SQLite tells."""
    keys = sorted(columns)
    for entity, rule in _unique_rules(table):
        if sorted(rule.columns.keys()) == keys:
            return DuplicateError(entity, _fields(rule), constraint=str(rule.name))
    return DuplicateError(_entity(table) or table, keys, constraint=", ".join(keys))


def broken(name: str | None, table: str | None = None, column: str | None = None) -> ConstraintError:
    """The error for a value against a CHECK, a foreign key or NOT NULL, by the names that the database told."""
    rule = next(((entity, _fields(rule)) for entity, rule in _rules(table) if name and rule.name == name), None)
    entity, fields = rule or (_entity(table), () if column is None else (column,))
    said = f"{column} must not be empty" if column else "the database refused a value"
    if name:
        said = f"a value breaks the rule {name}"
        if name.startswith("fk_"):
            said = f"a reference points at no row of this organization ({name})"
    return ConstraintError(said, constraint=name, entity=entity, fields=fields)


def _of_partition(rule: _Rule, partition: str) -> str | None:
    """The name that PostgreSQL gives to a unique index of a partition, before a number, where the name was taken."""
    if rule.table is None or not partition.startswith(rule.table.name):
        return None
    is_key = isinstance(rule, PrimaryKeyConstraint)
    return "_".join([partition, "pkey"] if is_key else [partition, *rule.columns.keys(), "idx"])


def _tables() -> list[tuple[str, Table]]:
    return [(mapper.class_.__name__, cast(Table, mapper.local_table)) for mapper in REGISTRY.mappers]


def _entity(name: str | None) -> str | None:
    return next((entity for entity, table in _tables() if table.name == name), None)


def _rules(table_name: str | None = None) -> list[tuple[str, _Rule]]:
    return [
        (entity, rule)
        for entity, table in _tables()
        if table_name in (None, table.name)
        for rule in (*table.indexes, *table.constraints)
        if isinstance(rule, _Rule)
    ]


def _unique_rules(table_name: str | None = None) -> Iterator[tuple[str, _Rule]]:
    for entity, rule in _rules(table_name):
        if isinstance(rule, UniqueConstraint | PrimaryKeyConstraint) or (isinstance(rule, Index) and rule.unique):
            yield entity, rule


def _fields(rule: _Rule) -> tuple[str, ...]:
    keys = rule.columns.keys()
    if isinstance(rule, CheckConstraint) and not keys:  # written as text
        words = dict.fromkeys(re.findall(r"\w+", str(rule.sqltext)))
        keys = [word for word in words if word in rule.table.c]
    if isinstance(rule, ForeignKeyConstraint) and len(keys) > 1:
        keys = [key for key in keys if key != ORGANIZATION_ID]
    return tuple(rule.info.get("live_unique") or keys)
