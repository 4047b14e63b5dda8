"""The tables pass the rules of a PostgreSQL that is spread over machines by organization, as Citus does it."""

from typing import cast

import pytest
from sqlalchemy import BigInteger, Table

from domain.kit.model.registry import REGISTRY
from domain.kit.model.tables import ORGANIZATION_ID, organization_column
from tests.support.partitions import is_distributable

OURS = [cast(Table, m.local_table) for m in REGISTRY.mappers if m.class_.__module__.startswith("domain.")]
TABLES = sorted(OURS, key=lambda table: table.name)
SPREAD = [table for table in TABLES if organization_column(table) is not None and is_distributable(table)]
"""Each part of them can tell by itself what is unique; the others are small, and whole on every machine."""


@pytest.mark.parametrize("table", SPREAD, ids=lambda table: table.name)
def test_what_is_spread_is_spread_by_the_first_column_of_its_key(table: Table) -> None:
    key, column = list(table.primary_key.columns), table.c[ORGANIZATION_ID]
    assert key[0] is column
    assert isinstance(column.type, BigInteger)
    assert (column.nullable, column.server_default, column.onupdate) == (False, None, None)
    assert all(isinstance(c.type, BigInteger) for c in table.c if c.identity is not None)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_reference_stays_on_its_machine(table: Table) -> None:
    """Between rows that are spread it pairs the organizations; what is whole refers to nothing that is spread."""
    for key in table.foreign_key_constraints:
        assert (key.ondelete, key.onupdate) == (None, None)
        if key.referred_table in SPREAD:
            assert table in SPREAD
            assert (ORGANIZATION_ID, ORGANIZATION_ID) in [(e.parent.name, e.column.name) for e in key.elements]


def test_few_tables_are_whole_everywhere() -> None:
    """Those with values that are unique over all organizations, and the system's records."""
    whole = {table.name for table in TABLES if table not in SPREAD}
    assert whole == {"organizations", "users", "api_keys", "purge_records", "system_access"}
