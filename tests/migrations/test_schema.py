from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import DefaultClause, Engine, inspect, text

from domain import DomainModel
from domain.migrations import DatabaseTime, upgrade
from domain.migrations.rendering import render_item
from domain.migrations.trees import domain_tables

Catalog = Callable[[Engine], set[str]]


def test_migrations_make_the_schema_that_the_models_describe(
    new_database: Callable[[], Engine], catalog: Catalog
) -> None:
    migrated, created = new_database(), new_database()
    upgrade(migrated)
    DomainModel.metadata.create_all(created, tables=domain_tables())
    assert len(catalog(created)) > 150
    assert catalog(migrated) == catalog(created)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_postgresql_holds_is_what_is_compared(empty: Engine, catalog: Catalog) -> None:
    upgrade(empty)
    lines = catalog(empty)
    assert "tenders id bigint t d" in lines
    assert "tenders created_at timestamp with time zone t statement_timestamp()" in lines
    assert "tenders estimated_value numeric(20,4) f" in lines
    assert "tenders categories jsonb t" in lines
    assert "tender_notices content json t" in lines
    assert "tenders pk_tenders PRIMARY KEY (organization_id, id) t" in lines
    assert (
        "bid_documents fk_bid_documents_organization_id_tender_id_tenders"
        " FOREIGN KEY (organization_id, tender_id) REFERENCES tenders(organization_id, id) t"
    ) in lines
    assert any("ck_tenders_status_values CHECK" in line and "'filtered_out'" in line for line in lines)
    assert (
        "CREATE UNIQUE INDEX ux_tenders_organization_id_external_id ON public.tenders"
        " USING btree (organization_id, external_id) WHERE (NOT is_deleted)"
    ) in lines


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_sqlite_holds_is_what_is_compared(empty: Engine, catalog: Catalog) -> None:
    upgrade(empty)
    lines = catalog(empty)
    assert "tenders: id INTEGER NOT NULL" in lines
    assert "tenders: estimated_value BIGINT" in lines
    assert {"tenders: PRIMARY KEY (id AUTOINCREMENT)", "tenders: UNIQUE (organization_id, id)"} <= lines
    assert any("ck_tenders_status_values CHECK" in line and "'filtered_out'" in line for line in lines)
    assert any(line.endswith("(organization_id, external_id) WHERE is_deleted = 0") for line in lines)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_ids_come_from_the_database_after_a_migration(empty: Engine) -> None:
    upgrade(empty)
    with empty.begin() as connection:
        insert = text("INSERT INTO system_access (actor, reason) VALUES ('a', 'b') RETURNING id")
        assert [connection.scalar(insert) for _ in range(2)] == [1, 2]


def test_a_time_that_the_database_fills_in_is_rendered_for_both(empty: Engine) -> None:
    upgrade(empty)
    (shown,) = (column["default"] for column in inspect(empty).get_columns("tenders") if column["name"] == "created_at")
    assert shown
    context = cast(AutogenContext, SimpleNamespace(imports=set()))
    for default in (text(shown), DatabaseTime()):
        assert render_item("server_default", DefaultClause(default), context) == "DatabaseTime()"
    assert context.imports == {"from domain.migrations import DatabaseTime"}
