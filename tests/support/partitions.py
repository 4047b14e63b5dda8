"""With DOMAIN_TEST_PARTITIONS=4 each table of organizations has so many hash partitions in the tests' PostgreSQL."""

import os
import re
from typing import Any

import pytest
from sqlalchemy import Connection, Table, event, text

from domain import DomainModel
from domain.kit.model.names import fitted
from domain.kit.model.tables import ORGANIZATION_ID

PARTITIONS = int(os.environ.get("DOMAIN_TEST_PARTITIONS", "0"))


def is_distributable(table: Table) -> bool:
    """True if every unique value is unique within an organization: a part of the table can tell by itself."""
    unique = [index.columns for index in table.indexes if index.unique]
    return all(ORGANIZATION_ID in columns for columns in (table.primary_key.columns, *unique))


def whole(table: str) -> str:
    """The name of the table that a table with this name is a part of, or the name."""
    return re.sub(r"_p[0-9]+$", "", table)


def pytest_configure(config: pytest.Config) -> None:
    if PARTITIONS:
        event.listen(Table, "before_create", _partition)
        event.listen(Table, "after_create", _create_partitions)


def _partition(table: Table, connection: Connection, **_: Any) -> None:
    known = DomainModel.metadata.tables.get(table.name, table)  # a revision makes indexes afterwards
    if connection.dialect.name == "postgresql" and is_distributable(known):
        table.dialect_options["postgresql"]["partition_by"] = f"HASH ({ORGANIZATION_ID})"


def _create_partitions(table: Table, connection: Connection, **_: Any) -> None:
    if connection.dialect.name == "postgresql" and table.dialect_options["postgresql"]["partition_by"]:
        for number in range(PARTITIONS):
            rule = f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            name = fitted(f"{table.name}_p{number}")
            connection.execute(text(f'CREATE TABLE "{name}" PARTITION OF "{table.name}" {rule}'))
