"""Each way to write has one entry for each row that changed, and none for another."""

import json
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text, update
from sqlmodel import col

from domain import (
    AnalysisRepository,
    BidDocumentRepository,
    Database,
    OrganizationRepository,
    Tender,
    TenderContent,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    UserRepository,
)
from domain.ingest import import_paths
from domain.kit.records import AuditEntry
from domain.retention import purge
from domain.testing import build

Entries = Callable[[], list[AuditEntry]]
Said = tuple[str, str, str, dict[str, Any] | None, dict[str, Any] | None]


def said(entries: list[AuditEntry]) -> list[Said]:
    return [(e.entity, str(e.action), str(e.actor), e.before, e.after) for e in entries]


def a_tender(database: Database, organization_id: int = 1, **fields: Any) -> int:
    with database.get_session(organization_id=organization_id, actor="ann", request_id="r-1") as session:
        return TenderRepository(session).add(build(Tender, **fields)).id


def test_creating_a_row_is_an_entry_with_who_and_which_request(domain_db: Database, entries: Entries) -> None:
    tender_id = a_tender(domain_db)
    (entry,) = entries()
    assert (entry.organization_id, entry.entity, entry.row_id, entry.action) == (1, "tenders", tender_id, "insert")
    assert (entry.actor, entry.request_id) == ("ann", "r-1")
    assert (entry.before, entry.after, entry.personal) == (None, None, None)


def test_a_repositorys_update_keeps_before_and_after_of_what_changed(domain_db: Database, entries: Entries) -> None:
    tender_id = a_tender(domain_db)
    with domain_db.get_session(organization_id=1, actor="bob") as session:
        TenderRepository(session).update_status(tender_id, TenderStatus.ERROR, error_message='it said "no"')
    assert said(entries()[1:]) == [
        (
            "tenders",
            "update",
            "bob",
            {"status": "pending", "error_message": None},
            {"status": "error", "error_message": 'it said "no"'},
        )
    ]
    assert entries()[1].request_id is None


def test_a_saved_object_is_an_entry_with_exact_values(domain_db: Database, entries: Entries) -> None:
    tender_id = a_tender(domain_db, estimated_value="900719925474099.3001", currency="EUR")
    with domain_db.get_session(organization_id=1, actor="bob") as session:
        tender = TenderRepository(session).require(tender_id)
        tender.currency = None
        tender.estimated_value = None
        tender.categories.append("4522")
    assert said(entries()[1:]) == [
        (
            "tenders",
            "update",
            "bob",
            {"estimated_value": "900719925474099.3001", "currency": "EUR", "categories": []},
            {"estimated_value": None, "currency": None, "categories": ["4522"]},
        )
    ]


def test_a_bulk_update_has_an_entry_for_each_row_that_changed(domain_db: Database, entries: Entries) -> None:
    ids = [a_tender(domain_db, source=source) for source in ("a", "b", "a")]
    a_tender(domain_db, organization_id=2, source="b")
    with domain_db.get_session(organization_id=1, actor="bob") as session:
        session.exec(update(Tender).values(source="a"))
    changed = entries()[4:]
    assert [(e.row_id, e.before, e.after) for e in changed] == [(ids[1], {"source": "b"}, {"source": "a"})]


@pytest.mark.parametrize("of_contents", [False, True])
def test_many_rows_have_an_entry_each(domain_db: Database, entries: Entries, of_contents: bool) -> None:
    with domain_db.get_session(organization_id=1, actor="bulk") as session:
        tenders = TenderRepository(session)
        if of_contents:
            ids = list(tenders.create_many([TenderContent(title="Bridge") for _ in range(700)]))
        else:
            ids = [tender.id for tender in tenders.create_many([build(Tender) for _ in range(700)])]
    assert sorted(entry.row_id for entry in entries()) == sorted(ids)
    assert {(entry.entity, entry.action, entry.actor) for entry in entries()} == {("tenders", "insert", "bulk")}


def test_an_upsert_has_entries_for_what_was_made_or_changed(domain_db: Database, entries: Entries) -> None:
    a_tender(domain_db, external_id="same", title="Same")
    changed_id = a_tender(domain_db, external_id="changed", title="Old")
    with domain_db.get_session(organization_id=1, actor="bob") as session:
        titles = {"same": "Same", "changed": "New", "new": "N"}
        TenderRepository(session).upsert_many([TenderContent(external_id=key, title=t) for key, t in titles.items()])
    after = entries()[2:]
    assert [(e.row_id, e.before, e.after) for e in after if e.action == "update"] == [
        (changed_id, {"title": "Old"}, {"title": "New"})
    ]
    assert sorted(str(e.action) for e in after) == ["insert", "update"]


def test_putting_a_row_again_leaves_an_entry_where_it_changes(domain_db: Database, entries: Entries) -> None:
    for title in ("Same", "Same", "Other"):
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).put(Tender(external_id="x", title=title))
    assert [(str(entry.action), entry.after) for entry in entries()] == [
        ("insert", None),
        ("update", {"title": "Other"}),
    ]


def test_a_patch_leaves_an_entry_where_it_changes_something(domain_db: Database, entries: Entries) -> None:
    tender_id = a_tender(domain_db, title="Same")
    for title in ("Same", "Other"):
        with domain_db.get_session(organization_id=1, actor="bob") as session:
            TenderRepository(session).update(tender_id, TenderPatch(title=title))
    assert said(entries()[1:]) == [("tenders", "update", "bob", {"title": "Same"}, {"title": "Other"})]


def test_an_import_has_entries_for_its_tenders_and_its_notices(
    domain_db: Database, entries: Entries, tmp_path: Path
) -> None:
    notice = {"ocid": "ocds-1", "id": "r-1", "tag": ["tender"], "tender": {"title": "Odd", "x": "\0"}}
    file = tmp_path / "notice.json"
    file.write_text(json.dumps(notice))
    for _ in range(2):  # the second brings nothing new
        import_paths(domain_db, [file], organization_id=1, actor="importer")
    assert sorted(said(entries())) == [
        ("tender_notices", "insert", "importer", None, None),
        ("tenders", "insert", "importer", None, None),
    ]
    later = {"id": "r-2", "date": "2026-05-01T00:00:00Z", "tender": {"title": "Even"}}
    file.write_text(json.dumps(notice | later))
    import_paths(domain_db, [file], organization_id=1, actor="importer")
    notices, tenders = sorted(said(entries()[2:]))
    assert notices == ("tender_notices", "insert", "importer", None, None)
    assert tenders[:3] == ("tenders", "update", "importer")
    assert tenders[4] is not None
    assert tenders[4]["title"] == "Even"


def test_a_purge_has_an_entry_for_each_row(domain_db: Database, entries: Entries) -> None:
    tender_id = a_tender(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).create(tender_id=tender_id, is_relevant=True, confidence=0.5)
        TenderRepository(session).soft_delete(tender_id)
    assert purge(domain_db, actor="sweeper", older_than_days=0).rows == 2
    assert [(e.entity, e.actor, e.organization_id) for e in entries() if e.action == "purge"] == [
        ("analysis_results", "sweeper", 1),
        ("tenders", "sweeper", 1),
    ]


def test_a_deletion_and_its_restoring_have_an_entry_for_each_row_of_the_batch(
    domain_db: Database, entries: Entries
) -> None:
    tender_id = a_tender(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).create(tender_id=tender_id, is_relevant=True, confidence=0.5)
        BidDocumentRepository(session).create(
            tender_id=tender_id, executive_summary="a", capabilities="b", approach="c", value_proposition="d"
        )
    for actor, change in (("ann", TenderRepository.soft_delete), ("bob", TenderRepository.restore)):
        with domain_db.get_session(organization_id=1, actor=actor) as session:
            assert change(TenderRepository(session), tender_id)
            assert not change(TenderRepository(session), tender_id)
    done = sorted((entry.entity, str(entry.action), entry.actor) for entry in entries()[3:])
    tables = ("analysis_results", "bid_documents", "tenders")
    both = (("soft_delete", "ann"), ("restore", "bob"))
    assert done == sorted((table, action, who) for table in tables for action, who in both)


def test_metering_and_logging_in_leave_no_entry(domain_db: Database, entries: Entries) -> None:
    with domain_db.get_session(organization_id=1) as session:
        user = UserRepository(session).create(email="a@b.c", hashed_password="x", full_name="A")
        assert OrganizationRepository(session).update_usage(1)
        assert UserRepository(session).update_last_login(user.id)
    assert [(entry.entity, str(entry.action)) for entry in entries()] == [("users", "insert")]


def test_a_change_of_the_organization_itself_is_in_its_own_trail(domain_db: Database, entries: Entries) -> None:
    with domain_db.get_session(organization_id=2, actor="ann") as session:
        OrganizationRepository(session).require(2).name = "Other"
    (entry,) = entries()
    assert (entry.organization_id, entry.entity, entry.row_id) == (2, "organizations", 2)
    assert entry.after == {"name": "Other"}


def test_text_that_a_session_runs_unguarded_is_recorded(domain_postgresql: Database) -> None:
    tender_id = a_tender(domain_postgresql)
    with domain_postgresql.get_session(organization_id=1, actor="sql", unguarded_sql=True) as session:
        sql = session.connection()
        sql.execute(text("UPDATE tenders SET title = 'By hand'"))
        sql.execute(text("UPDATE tenders SET title = title, version = version + 1"))
        sql.execute(text("UPDATE tenders SET title = 'Once more' WHERE id = -1"))
        found = text("SELECT action, row_id, after->>'title' FROM audit_entries WHERE actor = 'sql'")
        assert [tuple(row) for row in sql.execute(found)] == [("update", tender_id, "By hand")]


def test_what_the_owner_types_is_recorded_without_an_actor(
    domain_db: Database, by_hand: Connection, entries: Entries
) -> None:
    a_tender(domain_db)
    by_hand.execute(text("UPDATE tenders SET title = 'By hand'"))
    by_hand.execute(text("DELETE FROM tenders"))
    by_hand.commit()
    assert [(str(e.action), e.actor, e.after) for e in entries()[1:]] == [
        ("update", None, {"title": "By hand"}),
        ("purge", None, None),
    ]


def test_what_is_copied_in_or_merged_by_hand_is_recorded(domain_postgresql: Database) -> None:
    columns = "tenders (organization_id, external_id, title, categories, status)"
    raw = domain_postgresql.migration_engine.raw_connection()
    with closing(raw):
        cursor: Any = raw.cursor()
        cursor.execute("SELECT set_config('app.organization_id', '1', true)")
        cursor.execute("ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY")  # COPY FROM is refused under it
        cursor.copy_expert(f"COPY {columns} FROM STDIN", StringIO("1\tone\tA\t[]\tpending\n1\ttwo\tB\t[]\tpending\n"))
        cursor.execute(
            f"INSERT INTO {columns} SELECT 1, key, title, '[]', 'pending'"
            " FROM (VALUES ('one', 'Other'), ('two', 'B'), ('three', 'C')) AS given (key, title)"
            " ON CONFLICT (organization_id, external_id) WHERE NOT is_deleted DO UPDATE SET title = excluded.title"
        )
        cursor.execute("SELECT action, after->>'title' FROM audit_entries WHERE entity = 'tenders' ORDER BY 1, 2")
        assert cursor.fetchall() == [*[("insert", None)] * 3, ("update", "Other")]
        raw.rollback()


def test_a_row_that_gets_another_key_is_gone_and_made(
    domain_db: Database, by_hand: Connection, entries: Entries
) -> None:
    tender_id = a_tender(domain_db)
    by_hand.execute(text("UPDATE tenders SET id = id + 1000, title = 'Moved'"))
    by_hand.commit()
    done = sorted((str(e.action), e.row_id, e.before) for e in entries()[1:])
    assert done == [("insert", tender_id + 1000, None), ("purge", tender_id, None)]


def test_what_is_rolled_back_leaves_no_entry(domain_db: Database, entries: Entries) -> None:
    with domain_db.get_session(organization_id=1, actor="ann") as session:
        TenderRepository(session).create(title="Never")
        session.rollback()
    assert entries() == []
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Later, on the same connection")
    assert [entry.actor for entry in entries()] == [None]


def test_rows_of_many_organizations_are_each_in_their_own_trail(domain_db: Database, entries: Entries) -> None:
    for organization_id in (1, 2):
        a_tender(domain_db, organization_id)
    with domain_db.system_session(actor="sweeper", reason="test", request_id="nightly") as system:
        system.exec(update(Tender).where(col(Tender.title) != "").values(title="Swept"))
    changed = [entry for entry in entries() if entry.entity == "tenders"][2:]
    assert sorted(entry.organization_id for entry in changed) == [1, 2]
    assert {(entry.actor, entry.request_id) for entry in changed} == {("sweeper", "nightly")}
