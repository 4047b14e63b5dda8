"""References across organizations are refused by the database itself."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection, Engine, ForeignKeyConstraint, Insert, Table, insert, text, update
from sqlalchemy.exc import IntegrityError

from domain import AnalysisResult, BidDocument, Database, Tender, TenderNotice, User
from domain.kit.model.tables import ORGANIZATION_ID, is_tenant_table
from domain.testing import build
from tests.deployment.conftest import name_of

MODELS = (User, Tender, TenderNotice, AnalysisResult, BidDocument)
TABLES: list[Table] = [model.__table__ for model in MODELS]
KEYS = [
    (table, key) for table in TABLES for key in table.foreign_key_constraints if is_tenant_table(key.referred_table)
]
IDS = [f"{table.name}-{key.referred_table.name}" for table, key in KEYS]


@pytest.fixture
def connection(shared: Database, superuser: Callable[..., AbstractContextManager[Engine]]) -> Iterator[Connection]:
    """A superuser's, with a row of each table for organizations 1 and 2; rolled back in the end."""
    with superuser(name_of(shared)) as engine, engine.connect() as connection:
        for organization_id in (1, 2):
            for model in MODELS:
                connection.execute(_row(model, organization_id))
        yield connection


def _row(model: type[User | Tender | TenderNotice | AnalysisResult | BidDocument], organization_id: int) -> Insert:
    references = {"tender_id": 100 + organization_id} if "tender_id" in model.__table__.c else {}
    entity = build(model, organization_id=organization_id, **references)
    values = {name: value for name, value in vars(entity).items() if name in model.__table__.c and value is not None}
    if "email" in values:
        values["email"] = f"user{organization_id}@example.org"
    return insert(model).values({**values, "id": 100 + organization_id})


def test_every_reference_between_tenant_tables_names_the_organization() -> None:
    assert len(KEYS) >= 3
    for _, key in KEYS:
        assert (ORGANIZATION_ID, ORGANIZATION_ID) in [(e.parent.name, e.column.name) for e in key.elements]


@pytest.mark.parametrize(("table", "key"), KEYS, ids=IDS)
def test_a_row_can_not_be_pointed_at_another_organizations_even_by_a_superuser(
    table: Table, key: ForeignKeyConstraint, connection: Connection
) -> None:
    assert connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
    (column,) = (element.parent for element in key.elements if element.parent.name != ORGANIZATION_ID)
    mine = (table.c[ORGANIZATION_ID] == 1) & (table.c.id == 101)
    assert connection.execute(update(table).where(mine).values({column.name: 101})).rowcount == 1
    with pytest.raises(IntegrityError, match=str(key.name)):
        connection.execute(update(table).where(mine).values({column.name: 102}))


@pytest.mark.parametrize(("table", "key"), KEYS, ids=IDS)
def test_a_row_can_not_move_to_another_organization_away_from_what_it_refers_to(
    table: Table, key: ForeignKeyConstraint, connection: Connection
) -> None:
    if table.name == "analysis_results" or table.name == "bid_documents":
        connection.execute(text(f"DELETE FROM {table.name} WHERE organization_id = 2"))
    with pytest.raises(IntegrityError, match=str(key.name)):
        connection.execute(update(table).where(table.c.id == 101).values({ORGANIZATION_ID: 2}))


@pytest.mark.parametrize("child", TABLES, ids=[table.name for table in TABLES])
@pytest.mark.parametrize("parent", TABLES, ids=[table.name for table in TABLES])
def test_the_catalog_has_no_key_between_tenant_tables_without_the_organization(
    child: Table, parent: Table, connection: Connection
) -> None:
    halves = text(
        "SELECT count(*) FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = CAST(:child AS regclass)"
        " AND k.confrelid = CAST(:parent AS regclass) AND NOT EXISTS ("
        "SELECT FROM unnest(k.conkey, k.confkey) pair(c, p)"
        " JOIN pg_attribute c ON c.attrelid = k.conrelid AND c.attnum = pair.c AND c.attname = 'organization_id'"
        " JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = pair.p AND p.attname = 'organization_id')"
    )
    assert connection.scalar(halves, {"child": child.name, "parent": parent.name}) == 0
