"""Purge removes what was deleted long ago, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from domain import (
    AnalysisResult,
    ArgumentError,
    ConfigurationError,
    Database,
    Organization,
    Tender,
    TenderRepository,
    User,
    utcnow,
)
from domain.kit.records import PurgeRecord, SystemAccess
from domain.retention import PurgeCount, plan_purge, purge
from tests.retention.kinds import Remark, Section, Unit
from tests.retention.rows import LONG_AGO, left, put, same_deletion, trail_of, without_trail


def records(database: Database) -> list[PurgeRecord]:
    with database.system_session(actor="tests", reason="read the record") as system:
        return list(system.exec(select(PurgeRecord).order_by(col(PurgeRecord.id))).all())


def test_a_row_goes_when_its_model_s_retention_is_over(domain_db: Database) -> None:
    old = put(domain_db, Tender, organization_id=1, deleted_days_ago=91)
    recent = put(domain_db, Tender, organization_id=1, deleted_days_ago=89)
    live = put(domain_db, Tender, organization_id=1)
    section = put(domain_db, Section, organization_id=1, tender_id=live["id"], deleted_days_ago=31)
    done = purge(domain_db, actor="ann")
    assert done.counts == (PurgeCount(1, "test_sections", 1), PurgeCount(1, "tenders", 1))
    assert left(domain_db)["tenders"] == {recent["id"], live["id"]}
    assert section["id"] not in left(domain_db)["test_sections"]
    assert old["id"] not in left(domain_db)["tenders"]


def test_a_row_is_kept_for_ever_where_its_model_says_so_and_keeps_what_it_refers_to(domain_db: Database) -> None:
    tender = put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO)
    section = put(domain_db, Section, organization_id=1, tender_id=tender["id"], deleted_days_ago=LONG_AGO)
    put(domain_db, Remark, organization_id=1, section_id=section["id"], deleted_days_ago=LONG_AGO)
    before = left(domain_db)
    assert purge(domain_db, actor="ann", older_than_days=0).rows == 0
    assert left(domain_db) == before


def test_days_of_the_call_stand_in_for_the_model_s_own(domain_db: Database) -> None:
    put(domain_db, Tender, organization_id=1, deleted_days_ago=5)
    assert purge(domain_db, actor="ann", older_than_days=6).rows == 0
    assert purge(domain_db, actor="ann", older_than_days=4).rows == 1
    with pytest.raises(ArgumentError, match="older_than_days is 0 to"):
        purge(domain_db, actor="ann", older_than_days=-1)
    for size in (0, 10_001):
        with pytest.raises(ArgumentError, match="batch_size is 1 to"):
            purge(domain_db, actor="ann", batch_size=size)


def test_an_organization_under_a_legal_hold_keeps_everything(domain_db: Database) -> None:
    with domain_db.migration_engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET legal_hold = true WHERE id = 1"))
    for organization_id in (1, 2):
        put(domain_db, Tender, organization_id=organization_id, deleted_days_ago=LONG_AGO)
    held = put(domain_db, Organization, deleted_days_ago=LONG_AGO, legal_hold=True)["id"]
    put(domain_db, Tender, organization_id=held)
    done = purge(domain_db, actor="ann")
    assert done.counts == (PurgeCount(2, "tenders", 1),)
    assert done.held == (1, held)
    assert held in left(domain_db)["organizations"]


def test_a_deleted_organization_goes_with_all_of_its_rows_the_live_ones_too(domain_db: Database) -> None:
    gone = put(domain_db, Organization, deleted_days_ago=LONG_AGO)["id"]
    other = put(domain_db, Tender, organization_id=1)
    tender = put(domain_db, Tender, organization_id=gone)
    put(domain_db, Tender, organization_id=gone, deleted_days_ago=1)
    section = put(domain_db, Section, organization_id=gone, tender_id=tender["id"])
    user = put(domain_db, User, organization_id=gone)
    put(domain_db, Remark, organization_id=gone, section_id=section["id"], user_id=user["id"])
    plan = plan_purge(domain_db, actor="ann")
    assert plan.ending == (gone,)
    done = purge(domain_db, actor="ann", reason="left us", batch_size=1)
    assert without_trail(done.counts) == without_trail(plan.counts)
    assert done.counts[-1] == PurgeCount(gone, "organizations", 1)
    assert {name for name, ids in left(domain_db).items() if ids} == {"organizations", "tenders"}
    assert left(domain_db)["tenders"] == {other["id"]}
    assert gone not in left(domain_db)["organizations"]
    mine = [record for record in records(domain_db) if record.purged_organization_id == gone]
    assert sum(record.row_count for record in mine) == done.rows
    assert sum(count.rows for count in without_trail(done.counts)) == 6
    assert trail_of(domain_db, gone) == 0
    assert {(record.actor, record.reason) for record in mine} == {("ann", "left us")}
    assert all(utcnow() - record.deleted_before > timedelta(days=89) for record in mine)


def test_the_id_of_a_purged_row_is_not_given_out_again(domain_db: Database) -> None:
    old = put(domain_db, Organization, deleted_days_ago=LONG_AGO)["id"]
    unit = put(domain_db, Unit, name="furlong", deleted_days_ago=LONG_AGO)["id"]
    purge(domain_db, actor="ann")
    assert old not in left(domain_db)["organizations"]
    assert left(domain_db)["test_units"] == set()
    assert put(domain_db, Organization)["id"] > old
    assert put(domain_db, Unit, name="metre")["id"] > unit


def test_rows_of_no_organization_go_too_unless_one_organization_is_named(domain_db: Database) -> None:
    put(domain_db, Unit, name="furlong", deleted_days_ago=11)
    put(domain_db, Unit, name="metre", deleted_days_ago=9)
    assert purge(domain_db, actor="ann", organization_id=1).rows == 0
    assert purge(domain_db, actor="ann").counts == (PurgeCount(None, "test_units", 1),)


def test_one_organization_can_be_purged_alone(domain_db: Database) -> None:
    for organization_id in (1, 2):
        put(domain_db, Tender, organization_id=organization_id, deleted_days_ago=LONG_AGO)
    assert purge(domain_db, actor="ann", organization_id=2).counts == (PurgeCount(2, "tenders", 1),)


def test_each_batch_is_bounded_and_on_record_with_who_and_why(domain_db: Database) -> None:
    for _ in range(5):
        put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO)
    told: list[PurgeCount] = []
    purge(domain_db, actor="ann", reason="tidy", batch_size=2, progress=told.append)
    assert [count.rows for count in told] == [2, 2, 1]
    assert [(r.actor, r.reason, r.table_name, r.row_count) for r in records(domain_db)] == [
        ("ann", "tidy", "tenders", rows) for rows in (2, 2, 1)
    ]
    with domain_db.system_session(actor="tests", reason="read") as system:
        assert ("ann", "tidy") in system.exec(select(SystemAccess.actor, SystemAccess.reason)).all()


def test_planning_changes_nothing(domain_db: Database) -> None:
    deletion = same_deletion()
    tender = put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO, deletion_id=deletion)
    put(
        domain_db,
        AnalysisResult,
        organization_id=1,
        tender_id=tender["id"],
        deleted_days_ago=LONG_AGO,
        deletion_id=deletion,
    )
    assert plan_purge(domain_db, actor="ann").rows == 2
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).restore(tender["id"]) is True
    assert records(domain_db) == []


def test_without_the_system_s_login_it_says_what_to_set(domain_postgresql: Database) -> None:
    url = domain_postgresql.engine.url.render_as_string(hide_password=False)
    with Database(url) as database, pytest.raises(ConfigurationError, match="SYSTEM_DATABASE_URL"):
        purge(database, actor="ann")


def test_it_stops_at_a_table_that_no_imported_model_describes_before_it_removes_anything(domain_db: Database) -> None:
    put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO)
    with domain_db.migration_engine.begin() as connection:
        connection.execute(text("CREATE TABLE strangers (organization_id bigint REFERENCES organizations (id))"))
    try:
        with pytest.raises(ConfigurationError, match="strangers refers to organizations"):
            purge(domain_db, actor="ann")
    finally:
        with domain_db.migration_engine.begin() as connection:
            connection.execute(text("DROP TABLE strangers"))
    assert left(domain_db)["tenders"]
