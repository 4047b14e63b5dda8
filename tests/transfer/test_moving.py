"""An organization that moves: the same rows there, nothing of it here, and a kill at any moment changes neither."""

import json
import os
import random
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import event, select, text
from sqlmodel import Field
from sqlmodel import select as select_of

from domain import (
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    ConfigurationError,
    Database,
    DuplicateError,
    NotFoundError,
    Organization,
    OrganizationRepository,
    TenantEntity,
    TenantRepository,
    Tender,
    TenderRepository,
    UnavailableError,
    User,
    UserRepository,
    tenant_key,
)
from domain.errors import InvalidRowsError, LegalHoldError, OrganizationDeletedError
from domain.kit.model.tables import of_organization
from domain.kit.records import AuditEntry, PurgeRecord
from domain.retention import erase_organization
from domain.testing import Cluster, build, make_organization, postgresql_database, sqlite_database
from domain.testing.cluster import OWNER, SYSTEM
from domain.transfer import ArchiveError, archive, export_organization, load_organization
from domain.transfer.archive import organization_graph, read_manifest

Rows = dict[str, list[dict[str, Any]]]
KILLS = int(os.environ.get("DOMAIN_TEST_KILLS", "3"))
"""How often each of export, load and erase is killed."""


class Fitting(Enum):
    HOOK = "h"
    CHAIN = "c"


class Size(BaseModel):
    height: Decimal


class MovedCrate(TenantEntity, table=True):
    __tablename__ = "moved_crates"
    inside_id: int | None = tenant_key("MovedCrate", default=None)
    seal: bytes = b""
    fitting: Fitting = Fitting.HOOK
    size: Size | None = None
    weights: list[float] = Field(default_factory=list)


class Crates(TenantRepository[MovedCrate]):
    model = MovedCrate


@pytest.fixture
def elsewhere(domain_db: Database, domain_cluster: Cluster, domain_sqlite_template: Path) -> Iterator[Database]:
    """Another database on the same engine, with organizations 1 and 2 of its own."""
    opened = sqlite_database(domain_sqlite_template) if domain_db.is_sqlite else postgresql_database(domain_cluster)
    with opened as database:
        yield database


@pytest.fixture
def leaving(domain_db: Database) -> int:
    """An organization with rows in most tables, deleted ones too; organization 2 has some as well."""
    leaving = make_organization(domain_db, name="Leaving", slug="leaving", monthly_analysis_count=3).id
    for organization_id in (leaving, 2):
        with domain_db.get_session(organization_id=organization_id, actor="ann") as session:
            UserRepository(session).create_many([build(User) for _ in range(3)])
            tenders, crates = TenderRepository(session), Crates(session)
            rows = tenders.create_many([build(Tender, title=f"Bridge {n} \u2028 \u00e6") for n in range(25)])
            of = [build(AnalysisResult, tender_id=row.id, processing_cost=Decimal("0.125")) for row in rows[:9]]
            AnalysisRepository(session).create_many(of)
            BidDocumentRepository(session).create_many([build(BidDocument, tender_id=row.id) for row in rows[:4]])
            outer = crates.add(MovedCrate(seal=b"\x00\xff", fitting=Fitting.CHAIN, size=Size(height=Decimal("1.50"))))
            inner = crates.add(MovedCrate(inside_id=outer.id, weights=[0.1, -1e300]))
            outer.inside_id = crates.add(MovedCrate(inside_id=inner.id)).id  # around in a circle
            tenders.soft_delete(rows[0].id)
            tenders.update(rows[1].id, title="Quay")
    return leaving


def stored(database: Database, organization_id: int, *, trail: bool = False) -> Rows:
    """Every row of the organization in every table, past the sessions."""
    found: Rows = {}
    tables = [*organization_graph().order, *([AuditEntry.__table__] if trail else [])]
    with database.migration_engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(
                text("SELECT set_config('app.organization_id', :id, true)"), {"id": str(organization_id)}
            )
        for table in tables:
            rows = select(table).where(of_organization(table, organization_id)).order_by(table.c.id)
            found[table.name] = [dict(row) for row in connection.execute(rows).mappings()]
    return found


def erase(database: Database, organization_id: int) -> None:
    erase_organization(database, organization_id=organization_id, actor="operator", reason="it leaves")


def export(database: Database, organization_id: int, folder: Path) -> None:
    export_organization(database, folder, organization_id=organization_id)


def test_an_organization_moves_with_the_same_rows_and_nothing_is_left(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path
) -> None:
    before, others = stored(domain_db, leaving), stored(domain_db, 2, trail=True)
    assert {name for name, rows in before.items() if rows} >= {
        "organizations",
        "tenders",
        "cost_entries",
        "moved_crates",
    }
    manifest = export_organization(domain_db, tmp_path / "out", organization_id=leaving)
    assert (manifest.slug, manifest.rows) == ("leaving", sum(map(len, before.values())))
    erase(domain_db, leaving)
    assert not any(stored(domain_db, leaving, trail=True).values())
    assert stored(domain_db, 2, trail=True) == others
    for database in (elsewhere, domain_db):  # and back again, too
        assert load_organization(database, tmp_path / "out", actor="operator") == manifest
        assert stored(database, leaving) == before
    with elsewhere.get_session(organization_id=leaving) as session:
        assert TenderRepository(session).restore(before["tenders"][0]["id"])
        assert TenderRepository(session).create(title="New").id > before["tenders"][-1]["id"]


def test_the_files_tell_counts_and_hashes_and_nobody_else_may_read_them(
    domain_db: Database, leaving: int, tmp_path: Path
) -> None:
    export(domain_db, leaving, tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    lines = {
        file["table"]: len((tmp_path / f"out/{file['table']}.jsonl").read_bytes().splitlines())
        for file in manifest["tables"]
    }
    assert {file["table"]: file["rows"] for file in manifest["tables"]} == lines
    names = [file["table"] for file in manifest["tables"]]
    assert names.index("organizations") < names.index("tenders") < names.index("analysis_results")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "audit_entries" not in names


@contextmanager
def halfway(database: Database, act: Callable[[], object]) -> Generator[None]:
    """Act once within an export, before the analyses are read."""
    is_done = False

    def look(_: Any, __: Any, statement: str, *___: object) -> None:
        nonlocal is_done
        if "FROM analysis_results" in statement and not is_done:
            is_done = True
            act()

    event.listen(database.engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", look)
    assert is_done


def test_an_export_is_of_one_moment(domain_db: Database, leaving: int, tmp_path: Path) -> None:
    before = stored(domain_db, leaving)

    def write() -> None:
        with domain_db.get_session(organization_id=leaving) as session:
            tender = TenderRepository(session).create(title="Late")
            AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender.id))

    with halfway(domain_db, write):
        manifest = export_organization(domain_db, tmp_path / "out", organization_id=leaving)
    assert {file.table: file.rows for file in manifest.tables} == {name: len(rows) for name, rows in before.items()}


def test_an_export_that_is_refused_takes_nothing_from_another_to_the_same_folder(
    domain_db: Database, leaving: int, tmp_path: Path
) -> None:
    def refused() -> None:
        with pytest.raises(NotFoundError):
            export(domain_db, 12345, tmp_path / "out")

    with halfway(domain_db, refused):
        manifest = export_organization(domain_db, tmp_path / "out", organization_id=leaving)
    assert read_manifest(tmp_path / "out") == manifest


def test_an_export_leaves_no_table_out_in_silence(domain_db: Database, leaving: int, tmp_path: Path) -> None:
    with domain_db.migration_engine.begin() as connection:
        connection.execute(text("CREATE TABLE strangers (organization_id bigint REFERENCES organizations (id))"))
    with pytest.raises(ConfigurationError, match=r"strangers refers to organizations.*\(--models\)"):
        export(domain_db, leaving, tmp_path / "out")
    with domain_db.migration_engine.begin() as connection:
        connection.execute(text("DROP TABLE strangers"))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_left_goes_when_the_next_begins(domain_db: Database, leaving: int, tmp_path: Path) -> None:
    (tmp_path / "out.abcdefgh.part").mkdir()
    (tmp_path / "out.part").mkdir()

    def look() -> None:
        assert len(list(tmp_path.glob("out.????????.part"))) == 1

    with halfway(domain_db, look):
        export(domain_db, leaving, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.part"]


def test_of_two_exports_to_one_folder_the_first_that_is_whole_stays(
    domain_db: Database, leaving: int, tmp_path: Path
) -> None:
    with (
        halfway(domain_db, lambda: export(domain_db, 2, tmp_path / "out")),
        pytest.raises(ArchiveError, match="can't be written"),
    ):
        export(domain_db, leaving, tmp_path / "out")
    assert read_manifest(tmp_path / "out").organization_id == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_there_already_is_not_written_over(domain_db: Database, leaving: int, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match="is there already"):
        export(domain_db, leaving, tmp_path / "out")
    export(domain_db, leaving, tmp_path / "new")
    before = stored(domain_db, leaving, trail=True)
    with pytest.raises(DuplicateError):
        load_organization(domain_db, tmp_path / "new", actor="operator")
    assert stored(domain_db, leaving, trail=True) == before
    with pytest.raises(NotFoundError):
        export(domain_db, 12345, tmp_path / "none")
    with domain_db.get_session(organization_id=leaving) as session:
        OrganizationRepository(session).soft_delete(leaving)
    with pytest.raises(OrganizationDeletedError):
        export(domain_db, leaving, tmp_path / "deleted")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "out"]


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("tenders.jsonl", "Quay", "Quai", "tenders.jsonl is not as it was written"),
        ("manifest.json", '"slug"', '"snail"', "manifest.json: .*slug"),
        ("manifest.json", '"revision": "0001"', '"revision": "0000"', "of revision 0000, and this release of"),
        ("manifest.json", '"table": "tenders"', '"table": "wagons"', "no imported model describes wagons"),
    ],
)
def test_an_archive_that_is_not_as_it_was_written_is_refused(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    export(domain_db, leaving, tmp_path / "out")
    changed(tmp_path / "out" / file, old, new)
    with pytest.raises((ArchiveError, ConfigurationError), match=said):
        load_organization(elsewhere, tmp_path / "out", actor="operator")
    assert not any(stored(elsewhere, leaving).values())


def forge(folder: Path, table: str, change: Callable[[list[dict[str, Any]]], object], *, rows: int = 0) -> None:
    """Change a table's rows in an archive, or its bytes, and all that its manifest says of them."""
    path = folder / f"{table}.jsonl"
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(found)
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    entry = {"rows": rows or len(found), "sha256": sha256(path.read_bytes()).hexdigest()}
    with described(folder) as manifest:
        manifest["tables"] = [{**each, **entry} if each["table"] == table else each for each in manifest["tables"]]


@contextmanager
def described(folder: Path) -> Generator[dict[str, Any]]:
    """Change an archive's manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    yield manifest
    path.write_text(json.dumps(manifest))


def assert_refused(database: Database, folder: Path, said: str, *, organization_id: int) -> None:
    """Nothing is loaded, with these words."""
    before = stored(database, organization_id, trail=True)
    with pytest.raises((ArchiveError, InvalidRowsError), match=said):
        load_organization(database, folder, actor="operator")
    assert stored(database, organization_id, trail=True) == before


def test_an_archive_adds_nothing_to_an_organization_that_is_there(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    export(domain_db, leaving, folder)
    for path in folder.glob("*.jsonl"):
        forge(
            folder, path.stem, lambda rows: [row.update(organization_id=2) for row in rows if "organization_id" in row]
        )
    with described(folder) as manifest:
        manifest.update(organization_id=2, slug="a-new-customer")
    assert_refused(elsewhere, folder, "organizations.jsonl is not the one row", organization_id=2)
    forge(folder, "organizations", lambda rows: rows.clear())
    assert_refused(elsewhere, folder, "organizations.jsonl is not the one row", organization_id=2)
    with described(folder) as manifest:
        manifest["tables"] = [file for file in manifest["tables"] if file["table"] != "organizations"]
    assert_refused(elsewhere, folder, "each of these tables once: organizations$", organization_id=2)


def test_an_archive_is_one_whole_organization(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path
) -> None:
    export(domain_db, leaving, tmp_path / "out")

    def refused(said: str, change: Callable[[Path], object]) -> None:
        copy = tmp_path / "copy"
        copytree(tmp_path / "out", copy)
        change(copy)
        assert_refused(elsewhere, copy, said, organization_id=leaving)
        rmtree(copy)

    def twice(rows: list[dict[str, Any]]) -> None:
        rows.append({**rows[0], "id": 12345, "slug": "another"})

    def repeated(folder: Path) -> None:
        with described(folder) as manifest:
            manifest["tables"].append(manifest["tables"][-1])

    def without_the_last(folder: Path) -> None:
        with described(folder) as manifest:
            manifest["tables"].pop()

    refused("the one row", lambda folder: forge(folder, "organizations", twice))
    refused("the one row", lambda folder: forge(folder, "organizations", lambda rows: rows[0].update(slug="another")))
    refused("tenders.jsonl has 24 rows", lambda folder: forge(folder, "tenders", lambda rows: rows.pop(), rows=25))
    refused("tenders.jsonl has 25 rows", lambda folder: forge(folder, "tenders", lambda _: None, rows=26))
    refused("each of these tables once", repeated)
    refused("each of these tables once", without_the_last)


def test_a_column_that_the_model_has_not_is_refused(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path
) -> None:
    export(domain_db, leaving, tmp_path / "out")
    forge(tmp_path / "out", "tenders", lambda rows: rows[4].update(notes="precious"))
    assert_refused(elsewhere, tmp_path / "out", "tenders.jsonl, line 5: notes: ", organization_id=leaving)


def test_a_row_that_is_too_large_is_neither_read_nor_written(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(domain_db, leaving, tmp_path / "out")
    forge(tmp_path / "out", "tenders", lambda rows: rows[4].update(description="x" * archive.LARGEST))
    assert_refused(
        elsewhere, tmp_path / "out", "tenders.jsonl, line 5: a row of more than 64 MB", organization_id=leaving
    )
    monkeypatch.setattr(archive, "LARGEST", 400)
    with pytest.raises(ArchiveError, match=r"tenders, id \d+: a row of more than"):
        export(domain_db, leaving, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_id_that_another_organization_has_is_refused_where_a_table_has_one_counter(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path
) -> None:
    export(domain_db, leaving, tmp_path / "out")
    with elsewhere.get_session(organization_id=2) as session:
        assert TenderRepository(session).create(title="First").id == stored(domain_db, leaving)["tenders"][0]["id"]
    with pytest.raises(DuplicateError) if elsewhere.is_sqlite else nullcontext():
        load_organization(elsewhere, tmp_path / "out", actor="operator")
    assert (stored(elsewhere, leaving) == stored(domain_db, leaving)) is not elsewhere.is_sqlite
    assert [row["title"] for row in stored(elsewhere, 2)["tenders"]] == ["First"]


def test_a_refused_archive_moves_no_id(domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path) -> None:
    export(domain_db, leaving, tmp_path / "out")
    forge(tmp_path / "out", "analysis_results", lambda _: None, rows=1000)
    assert_refused(elsewhere, tmp_path / "out", "analysis_results.jsonl has 9 rows", organization_id=leaving)
    with elsewhere.get_session(organization_id=2) as session:
        assert TenderRepository(session).create(title="First").id == 1


def test_a_folder_without_a_manifest_is_no_archive(elsewhere: Database, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no finished archive"):
        load_organization(elsewhere, tmp_path, actor="operator")


def test_a_legal_hold_keeps_an_organization(domain_db: Database, leaving: int) -> None:
    with domain_db.get_session(organization_id=leaving) as session:
        OrganizationRepository(session).require(leaving).legal_hold = True
    before = stored(domain_db, leaving, trail=True)
    with pytest.raises(LegalHoldError):
        erase(domain_db, leaving)
    assert stored(domain_db, leaving, trail=True) == before


def test_erasing_what_is_not_there_or_is_gone_is_refused(domain_db: Database, leaving: int) -> None:
    erase(domain_db, leaving)
    for organization_id in (leaving, 12345):
        with pytest.raises(NotFoundError):
            erase(domain_db, organization_id)


def test_an_organization_that_a_clock_ahead_deleted_is_erased(domain_db: Database, leaving: int) -> None:
    with domain_db.get_session() as session:
        OrganizationRepository(session).soft_delete(leaving)
    with domain_db.migration_engine.begin() as connection:
        organizations = Organization.__table__
        later = organizations.update().where(organizations.c.id == leaving)
        connection.execute(later.values(deleted_at=datetime(2999, 1, 1, tzinfo=UTC)))
    erase(domain_db, leaving)
    assert not any(stored(domain_db, leaving, trail=True).values())


def test_the_record_of_an_erasure_has_numbers_alone(domain_db: Database, leaving: int) -> None:
    before = stored(domain_db, leaving)
    erase(domain_db, leaving)
    with domain_db.system_session(actor="test", reason="look") as system:
        records = system.exec(select_of(PurgeRecord)).all()
    gone: dict[str, int] = {}
    for record in records:
        assert (record.purged_organization_id, record.actor, record.reason) == (leaving, "operator", "it leaves")
        gone[record.table_name] = gone.get(record.table_name, 0) + record.row_count
    assert gone == {name: len(rows) for name, rows in before.items() if rows} | {"audit_entries": gone["audit_entries"]}


def test_rows_that_others_hold_locked_are_told_and_go_the_next_time(domain_postgresql: Database) -> None:
    with domain_postgresql.get_session(organization_id=2) as session:
        row = TenderRepository(session).create(title="Held")
        OrganizationRepository(session).soft_delete(2)
    with domain_postgresql.migration_engine.connect() as connection:
        connection.execute(text("SELECT set_config('app.organization_id', '2', true)"))
        connection.execute(text("SELECT id FROM tenders WHERE id = :id FOR UPDATE"), {"id": row.id})
        with pytest.raises(UnavailableError, match=r"\(1 of organizations, 1 of tenders.*erase it again"):
            erase(domain_postgresql, 2)
    erase(domain_postgresql, 2)
    assert not any(stored(domain_postgresql, 2, trail=True).values())


def reopened(database: Database) -> Database:
    """The same database, in a process of its own."""
    url = database.engine.url
    if database.is_sqlite:
        return Database(url.render_as_string())
    system, owner = (url.set(username=login).render_as_string(hide_password=False) for login in (SYSTEM, OWNER))
    return Database(url.render_as_string(hide_password=False), system_database_url=system, migration_database_url=owner)


def killed(work: Callable[[Database], object], database: Database, *, after_seconds: float) -> bool:
    """Work in a process of its own, and kill it after a time; False: it had ended before."""

    def child() -> None:
        with reopened(database) as own:
            work(own)

    process = get_context("fork").Process(target=child)
    process.start()
    process.join(after_seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_killed_at_any_moment_and_run_again_it_comes_to_the_same(
    domain_db: Database, elsewhere: Database, leaving: int, tmp_path: Path
) -> None:
    before, folder = stored(domain_db, leaving), tmp_path / "out"
    none: Rows = {name: [] for name in before}

    def until_done(work: Callable[[Database], object], database: Database, is_done: Callable[[], bool]) -> None:
        for _ in range(KILLS):
            killed(work, database, after_seconds=random.uniform(0, 0.5))
            if is_done():
                return
        assert not killed(work, database, after_seconds=60)
        assert is_done()

    def is_whole() -> bool:
        return folder.exists() and read_manifest(folder).rows == sum(map(len, before.values()))

    def is_loaded() -> bool:
        assert stored(elsewhere, leaving) in (before, none)
        return stored(elsewhere, leaving) == before

    until_done(lambda db: export(db, leaving, folder), domain_db, is_whole)
    until_done(lambda db: load_organization(db, folder, actor="operator"), elsewhere, is_loaded)
    until_done(
        lambda db: erase(db, leaving),
        domain_db,
        lambda: stored(domain_db, leaving, trail=True) == {**none, "audit_entries": []},
    )
    assert stored(elsewhere, leaving) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
