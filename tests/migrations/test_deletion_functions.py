"""The functions that delete softly: made by create_all and by migrations, gone with them, and compared."""

from collections.abc import Callable, Iterator

import pytest
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    AddColumnOp,
    CreateTableOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    UpgradeOps,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from domain import AnalysisResult, Database, DomainModel, Tender, User
from domain.database.deletions import present_deletions
from domain.migrations import SetDeletionOp, check, downgrade, upgrade
from domain.migrations.deletion import compare_deletions
from domain.migrations.trees import domain_tables
from domain.models.deletion_postgresql import PARAMETERS, Deletable, create, deletable
from domain.testing import Cluster

OF_TENDERS = f"soft_delete_tenders({PARAMETERS})"
WRONG = "the function that deletes tenders softly is not the one that the models say"


def present(engine: Engine) -> dict[str, Deletable]:
    with engine.connect() as connection:
        return present_deletions(connection)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def leftovers(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT proname FROM pg_proc WHERE proname LIKE 'soft_delete%'")))


@pytest.fixture
def empty_of_kind(new_database: Callable[[], Engine]) -> Engine:
    return new_database()


@pytest.fixture
def empty(domain_cluster: Cluster) -> Iterator[Database]:
    name = domain_cluster.create()
    with domain_cluster.database(name) as database:
        yield database
    domain_cluster.drop(name)


def test_a_function_says_what_the_rows_of_its_table_are_deleted_by() -> None:
    assert deletable(Tender.__table__) == Deletable("tenders", "organization_id", ("id",))
    assert deletable(AnalysisResult.__table__) == Deletable("analysis_results", "organization_id", ("id", "tender_id"))
    assert deletable(User.__table__) == Deletable("users", "organization_id", ("id", "organization_id"))
    assert deletable(DomainModel.metadata.tables["organizations"]) == Deletable("organizations", "id", ("id",))
    assert deletable(DomainModel.metadata.tables["audit_entries"]) is None


@pytest.mark.parametrize("made_by", ["upgrade", "create_all"])
def test_every_table_that_is_deleted_softly_has_its_function(empty: Database, made_by: str) -> None:
    engine = empty.migration_engine
    if made_by == "upgrade":
        upgrade(engine)
    else:
        DomainModel.metadata.create_all(engine, tables=domain_tables())
    wanted = {table.name: found for table in domain_tables() if (found := deletable(table))}
    assert len(wanted) >= 6
    assert present(engine) == wanted


def test_nothing_is_left_after_dropping_all(empty: Database) -> None:
    empty.create_all()
    assert len(leftovers(empty.migration_engine)) >= 6
    empty.drop_all()
    assert leftovers(empty.migration_engine) == []


def test_nothing_is_left_after_a_downgrade(empty: Database) -> None:
    upgrade(empty.migration_engine)
    assert len(leftovers(empty.migration_engine)) >= 6
    downgrade(empty.migration_engine, "base")
    assert leftovers(empty.migration_engine) == []


@pytest.mark.parametrize(
    "statement",
    [
        f"DROP FUNCTION {OF_TENDERS}",
        f"ALTER FUNCTION {OF_TENDERS} SECURITY DEFINER",
        f"ALTER FUNCTION {OF_TENDERS} STABLE",
        f"ALTER FUNCTION {OF_TENDERS} RESET plan_cache_mode",
        f"ALTER FUNCTION {OF_TENDERS} SET search_path = public",
        f"CREATE OR REPLACE FUNCTION {OF_TENDERS} RETURNS bigint[] LANGUAGE plpgsql"
        " SET plan_cache_mode = force_generic_plan AS 'BEGIN RETURN NULL; END'",
        create(Deletable("tenders", None, ("id",))),
    ],
)
def test_an_altered_function_shows_in_a_comparison(domain_postgresql: Database, statement: str) -> None:
    engine = domain_postgresql.migration_engine
    assert check(engine) == []
    run(engine, statement)
    assert check(engine) == [WRONG]


def compared(engine: Engine, *operations: MigrateOperation) -> list[SetDeletionOp]:
    """Alembic's comparison for two tables, given what else a revision does."""

    def is_one(_object: object, name: str | None, *_rest: object) -> bool:
        return name in {"tenders", "analysis_results"}

    options = {"include_name": None, "include_object": is_one}
    with engine.connect() as connection:
        configured = MigrationContext.configure(connection, opts=options)
        upgrades = UpgradeOps(operations)
        compare_deletions(AutogenContext(configured, metadata=DomainModel.metadata, autogenerate=True), upgrades, [])
    return [operation for operation in upgrades.ops if isinstance(operation, SetDeletionOp)]


def test_tables_that_a_revision_leaves_alone_keep_their_functions(empty_of_kind: Engine) -> None:
    upgrade(empty_of_kind)
    assert compared(empty_of_kind) == []


def test_on_sqlite_a_new_table_and_a_new_reference_get_their_function(
    make_database: Callable[[str], Engine],
) -> None:
    reference = AddColumnOp("analysis_results", AnalysisResult.__table__.c.tender_id)
    made = CreateTableOp.from_table(Tender.__table__)
    found = compared(make_database("sqlite"), made, ModifyTableOps("analysis_results", [reference]))
    of_tenders, of_analyses = found
    assert (of_tenders.deletes, of_tenders.replaces) == (deletable(Tender.__table__), None)
    assert of_analyses.deletes == deletable(AnalysisResult.__table__)
    assert of_analyses.replaces == Deletable("analysis_results", "organization_id", ("id",))
    assert of_analyses.reverse().deletes == of_analyses.replaces


def test_on_postgresql_a_function_goes_with_its_table(domain_postgresql: Database) -> None:
    (dropped,) = compared(domain_postgresql.migration_engine, DropTableOp("bid_documents"))
    assert (dropped.table, dropped.deletes) == ("bid_documents", None)
    assert dropped.reverse().deletes == Deletable("bid_documents", "organization_id", ("id", "tender_id"))
