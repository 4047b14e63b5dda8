"""The triggers: made by create_all and by migrations, gone with them, and compared."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import Engine, MetaData, Table, text
from sqlmodel import Field

from domain import AuditRepository, Database, DomainModel, TenantEntity, TenantRepository, Tender, Text, User, example
from domain.kit.records import AuditEntry
from domain.kit.schema.audit_columns import AuditedTable, audited, state_in
from domain.kit.schema.audit_postgresql import TRIGGERS
from domain.kit.schema.audit_trail import AuditTrail
from domain.kit.schema.replaceable import Found
from domain.migrations import check, downgrade, upgrade
from domain.testing import Cluster, build


class Sketch(TenantEntity, table=True):
    """A model whose writes are on no record."""

    __tablename__ = "test_sketches"
    __audited__: ClassVar[bool] = False
    note: Text = Field(max_length=60, schema_extra=example("fine"))


class SketchRepository(TenantRepository[Sketch]):
    model = Sketch


@pytest.fixture
def owner(domain_db: Database) -> Engine:
    return domain_db.migration_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with Database(f"sqlite:///{tmp_path}/empty.db") as database:
            yield database
        return
    cluster: Cluster = request.getfixturevalue("domain_cluster")
    name = cluster.create()
    with cluster.database(name) as database:
        yield database
    cluster.drop(name)


def trails(engine: Engine) -> dict[str, Found]:
    with engine.connect() as connection:
        return AuditTrail().present(connection)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def leftovers(engine: Engine) -> list[str]:
    """Triggers and functions of the trail, and the table of who writes."""
    on_sqlite = "SELECT name FROM sqlite_master WHERE name LIKE 'audit%'"
    on_postgresql = (
        "SELECT proname FROM pg_proc WHERE proname LIKE 'audit%'"
        " UNION SELECT tgname FROM pg_trigger WHERE tgname LIKE 'audit%'"
    )
    with engine.connect() as connection:
        return list(connection.scalars(text(on_sqlite if engine.dialect.name == "sqlite" else on_postgresql)))


def test_every_table_of_an_organization_is_followed_and_the_trail_itself_is_not(owner: Engine) -> None:
    found = trails(owner)
    for table in ("organizations", "users", "tenders", "tender_notices", "analysis_results", "bid_documents"):
        assert found[table] == Found(audited(DomainModel.metadata.tables[table]))
        assert found[table].state
    assert found["system_access"] == Found({})
    assert list(found["audit_entries"].state) == ["writer"]


def test_what_a_table_says_is_read_back(owner: Engine) -> None:
    state = audited(User.__table__)
    assert state["hashed_password"] == "text secret"
    assert state["email"] == "text personal"
    assert "last_login_at" not in state
    assert state_in(f"x\n  {AuditedTable.of('users', state).comment()}\n") == state


def test_a_table_that_is_turned_off_is_not_followed(domain_db: Database, owner: Engine) -> None:
    assert trails(owner)["test_sketches"] == Found({})
    with domain_db.get_session(organization_id=1) as session:
        SketchRepository(session).add(build(Sketch))
    with domain_db.get_session(organization_id=1) as session:
        assert AuditRepository(session).page(entity=Sketch).items == []


@pytest.mark.parametrize("event", ["insert", "update", "delete"])
def test_a_dropped_trigger_shows_in_a_comparison(owner: Engine, event: str) -> None:
    before = check(owner)
    sqlite = owner.dialect.name == "sqlite"
    run(owner, f"DROP TRIGGER audit_tenders_{event}" if sqlite else f"DROP TRIGGER audit_{event} ON tenders")
    assert set(check(owner)) - set(before) == {"the audit trail of tenders is not what the models say"}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE tenders DISABLE TRIGGER audit_update",
        "ALTER FUNCTION audit_tenders() SECURITY INVOKER",
        "ALTER FUNCTION audit_tenders() RESET search_path",
        "GRANT EXECUTE ON FUNCTION audit_tenders() TO PUBLIC",
        "CREATE OR REPLACE FUNCTION audit_tenders() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ],
)
def test_an_altered_trigger_shows_in_a_comparison(domain_postgresql: Database, statement: str) -> None:
    engine = domain_postgresql.migration_engine
    assert check(engine) == []
    run(engine, statement)
    assert check(engine) == ["the audit trail of tenders is not what the models say"]


@pytest.mark.parametrize("event", ["insert", "update", "delete"])
def test_a_lost_trigger_is_told_after_an_upgrade_and_back_once_the_schema_is_made_anew(
    empty: Database, event: str
) -> None:
    engine = empty.migration_engine
    upgrade(engine)
    assert trails(engine)["tenders"] == Found(audited(Tender.__table__))
    run(engine, f"DROP TRIGGER audit_tenders_{event}" if empty.is_sqlite else f"DROP TRIGGER audit_{event} ON tenders")
    upgrade(engine)  # which has nothing to do, and says so of nothing
    assert check(engine) == ["the audit trail of tenders is not what the models say"]
    downgrade(engine, "base")
    upgrade(engine)
    assert check(engine) == []
    assert trails(engine)["tenders"] == Found(audited(Tender.__table__))


def test_nothing_is_left_after_dropping_all(empty: Database) -> None:
    empty.create_all()
    assert len(leftovers(empty.migration_engine)) >= len(TRIGGERS)
    empty.drop_all()
    assert leftovers(empty.migration_engine) == []


def test_nothing_is_left_after_a_downgrade(empty: Database) -> None:
    upgrade(empty.migration_engine)
    assert len(leftovers(empty.migration_engine)) >= len(TRIGGERS)
    downgrade(empty.migration_engine, "base")
    assert leftovers(empty.migration_engine) == []


def test_a_comment_that_says_nonsense_is_no_trail() -> None:
    for sql in ("-- audited {", "-- audited 7", '-- audited {"a": "text"}', '-- audited {"a": 1}', "SELECT 1"):
        assert state_in(sql) == {}, sql


def test_a_table_of_no_organization_is_not_followed() -> None:
    assert audited(Table("test_plain", MetaData())) == {}
    assert audited(AuditEntry.__table__) == {}
    assert audited(Tender.__table__)
