"""Dumps have every row or are none; a restored database is the one that was dumped."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from decimal import Decimal
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text

from domain import (
    AnalysisRepository,
    BidDocument,
    BidDocumentRepository,
    Database,
    DomainError,
    OrganizationRepository,
    TenderRepository,
    UnavailableError,
    UserRepository,
)
from domain.deployment import BackupError, Finding, Severity, backups, dump, dumping_login, examine, restore
from domain.migrations import check, upgrade
from domain.testing import Cluster, build
from domain.testing.binaries import find_binaries
from domain.testing.cluster import OWNER
from tests.deployment.conftest import name_of

Open = Callable[[], Database]
Superuser = Callable[[str], AbstractContextManager[Engine]]
Rows = dict[str, list[Any]]

AWKWARD = "Tab\t, line\n, \\N, \\. and \\\\; 'quotes' \"\u00e9\u4e2d\U0001f309\" \x7f\r\n\\."


def examined(database: Database) -> list[Finding]:
    """The doctor's findings, but of other tests' tables, which no revision makes."""
    return [finding for finding in examine(database) if not finding.what.endswith(" is missing")]


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs of the tests' own PostgreSQL."""
    monkeypatch.setenv("PATH", os.pathsep.join((str(find_binaries()), os.environ["PATH"])))
    monkeypatch.delenv("PGPASSWORD", raising=False)


@pytest.fixture
def names(domain_cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Empty databases that are dropped afterwards."""
    made: list[str] = []

    def create() -> str:
        made.append(domain_cluster.create())
        return made[-1]

    yield create
    for name in made:
        domain_cluster.drop(name)


@pytest.fixture(params=["three logins", "one login", "SQLite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Each call gives a new, empty database of the same deployment."""
    if request.param == "SQLite":
        files = (f"sqlite:///{tmp_path / f'{number}.db'}" for number in count())
        return lambda: Database(next(files))
    return request.getfixturevalue(request.param.replace(" ", "_"))  # type: ignore[no-any-return]  # pytest's


@pytest.fixture
def three_logins(domain_cluster: Cluster, names: Callable[[], str]) -> Open:
    def open_() -> Database:
        name = names()
        domain_cluster.grant(name)
        return domain_cluster.database(name)

    return open_


@pytest.fixture
def one_login(domain_cluster: Cluster, names: Callable[[], str]) -> Open:
    return lambda: Database(domain_cluster.url(names(), OWNER))


@pytest.fixture
def look(domain_cluster: Cluster, superuser: Superuser) -> Callable[[Database], Rows]:
    """Every row of every table, as somebody sees them whom nothing holds."""

    def rows(database: Database) -> Rows:
        if database.is_sqlite:
            with database.migration_engine.connect() as connection:
                tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
                return {name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in tables}
        with superuser(name_of(database)) as engine, engine.connect() as connection:
            found = "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND c.oid >= 16384"
            tables = connection.execute(text(found)).scalars()
            return {name: sorted(map(repr, connection.execute(text(f"SELECT * FROM {name}")))) for name in tables}

    return rows


def upgraded(database: Database) -> None:
    upgrade(database.migration_engine)
    database.create_all()  # other tests' tables, which a deletion looks into


def migrated(database: Database, cluster: Cluster) -> None:
    upgraded(database)
    if database.system_engine is not None and not database.is_sqlite:
        cluster.grant(name_of(database))


def fill(database: Database) -> list[int]:
    """Two organizations with everything; their ids."""
    ids: list[int] = []
    for slug in ("first", "second"):
        with database.get_session() as session:
            ids.append(OrganizationRepository(session).create(name=AWKWARD.strip(), slug=slug).id)
        with database.get_session(organization_id=ids[-1], actor="user:1") as session:
            UserRepository(session).create(email=f"{slug}@example.org", full_name=slug, hashed_password="x")
            tenders = TenderRepository(session)
            for title in ("first", "second", "deleted"):
                tender = tenders.create(
                    title=title, description=AWKWARD, estimated_value=Decimal("0.1001"), categories=[AWKWARD]
                )
                AnalysisRepository(session).create(
                    tender_id=tender.id, is_relevant=True, confidence=0.1 + 0.2, processing_cost=Decimal("0.000001")
                )
                BidDocumentRepository(session).add(build(BidDocument, tender_id=tender.id, approach=AWKWARD))
                if title == "deleted":
                    tenders.soft_delete(tender.id)
    return ids


def schema(database: Database) -> list[str]:
    """The schema as PostgreSQL's own program writes it, policies, triggers and rights included."""
    if database.is_sqlite:
        with database.migration_engine.connect() as connection:
            return list(connection.execute(text("SELECT sql FROM sqlite_master ORDER BY name")).scalars())
    lines = program("pg_dump", database, "--schema-only").stdout.splitlines()
    # A list of values is shown with other casts once it has been read again.
    return [re.sub(r"::[a-z ]+(\[\])?|[()]", "", line) for line in lines if not re.match(r"\\(un)?restrict", line)]


def program(name: str, database: Database, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of PostgreSQL's programs by the login for migrations."""
    url = database.migration_engine.url
    command = [name, "-h", str(url.host), "-p", str(url.port), "-U", str(url.username), "-d", str(url.database)]
    environment = {**os.environ, "PGPASSWORD": str(url.password)}
    return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_what_is_restored_is_what_was_dumped(
    opened: Open, domain_cluster: Cluster, look: Callable[[Database], Rows], tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    with opened() as database, opened() as restored:
        migrated(database, domain_cluster)
        _, second = fill(database)
        counts = dump(database.migration_engine, file)
        before, described = look(database), schema(database)
        assert {name.removeprefix("public."): rows for name, rows in counts.items() if rows} == {
            name: len(rows) for name, rows in before.items() if rows
        }
        assert counts.get("public.tenders", counts.get("tenders")) == 6
        findings = examined(database)

        restore(restored.migration_engine, file)
        assert look(restored) == before
        assert schema(restored) == described
        assert check(restored.migration_engine) == []
        assert examined(restored) == findings
        assert Severity.ERROR not in {finding.severity for finding in findings}
        new: list[list[int]] = []
        for each in (database, restored):
            with each.get_session(organization_id=second) as session:
                tenders = TenderRepository(session)
                assert [tender.description for tender in tenders.find()] == [AWKWARD] * 2
                new.append([tenders.create(title="new").id, tenders.count(include_deleted=True)])
        assert new == [[7, 4]] * 2
    assert file.stat().st_mode & 0o77 == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_by_one_login_pg_dump_leaves_every_row_out_and_succeeds_and_the_doctor_says_so(one_login: Open) -> None:
    with one_login() as database:
        upgraded(database)
        fill(database)
        assert "would be affected by row-level security" in program("pg_dump", database).stderr
        done = program("pg_dump", database, "--enable-row-security")
        assert (done.returncode, done.stderr) == (0, "")
        assert "COPY public.tenders (" in done.stdout
        assert "second@example.org" not in done.stdout
        assert [f.remedy.split(";")[0] for f in examined(database) if "pg_dump" in f.what] == ["use `domain db dump`"]
        assert dumping_login(database) is None


def test_by_the_login_that_the_doctor_names_pg_dump_has_every_row(
    three_logins: Open, domain_cluster: Cluster, look: Callable[[Database], Rows], tmp_path: Path
) -> None:
    with three_logins() as database, three_logins() as restored:
        migrated(database, domain_cluster)
        fill(database)
        assert examined(database) == []
        assert dumping_login(database) == database.migration_engine.url.username == OWNER
        file = str(tmp_path / "backup")
        options = ("--format=custom", "--enable-row-security", f"--file={file}")
        assert program("pg_dump", database, *options).returncode == 0
        assert program("pg_restore", restored, "--exit-on-error", "--single-transaction", file).returncode == 0
        assert look(restored) == look(database)
        assert schema(restored) == schema(database)
        assert examined(restored) == []


NARROWER = {
    "users": "",
    "tenders": "CREATE POLICY narrow ON tenders AS RESTRICTIVE TO {} USING (organization_id = 1)",
    "bid_documents": "CREATE POLICY narrow ON bid_documents TO {} USING (id = 1)",
    "analysis_results": "CREATE POLICY narrow ON analysis_results FOR UPDATE TO {} USING (true)",
}


def test_policies_that_keep_the_owner_from_rows_are_noticed_and_keep_none_from_the_dump(
    three_logins: Open, domain_cluster: Cluster, tmp_path: Path
) -> None:
    with three_logins() as database:
        migrated(database, domain_cluster)
        fill(database)
        with database.migration_engine.begin() as connection:
            for table, change in NARROWER.items():
                if "RESTRICTIVE" not in change:
                    connection.exec_driver_sql(f"DROP POLICY owner_access ON {table}")
                if change:
                    connection.exec_driver_sql(change.format(OWNER))
        assert dumping_login(database) is None
        (finding,) = examined(database)
        hidden = ", ".join(f"public.{table}" for table in sorted(NARROWER))
        assert f"{OWNER} does not see every row of {hidden}: `pg_dump" in finding.what
        counts = dump(database.migration_engine, tmp_path / "backup")
        assert [counts[f"public.{table}"] for table in NARROWER] == [2, 6, 6, 6]


def test_a_login_that_owns_nothing_makes_no_dump(three_logins: Open, domain_cluster: Cluster, tmp_path: Path) -> None:
    with three_logins() as database:
        migrated(database, domain_cluster)
        fill(database)
        for engine in (database.engine, database.system_engine):
            assert engine is not None
            with pytest.raises(DomainError, match=r"permission|privilege"):
                dump(engine, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_a_superuser_s_dump_has_every_row_and_locks_no_table(
    one_login: Open, superuser: Superuser, tmp_path: Path
) -> None:
    with one_login() as database, superuser(name_of(database)) as engine:
        upgraded(database)
        first, _ = fill(database)
        with database.get_session(organization_id=first) as session:
            TenderRepository(session).create(title="not committed")
            assert dump(engine, tmp_path / "backup")["public.tenders"] == 6


def test_the_rows_of_an_application_s_own_tables_are_there(
    one_login: Open, superuser: Superuser, look: Callable[[Database], Rows], tmp_path: Path
) -> None:
    with one_login() as database, one_login() as restored:
        upgraded(database)
        with database.migration_engine.begin() as connection:
            for statement in (
                'CREATE SCHEMA "odd schema"',
                'CREATE TABLE "odd schema"."Odd ""table" (id int GENERATED ALWAYS AS IDENTITY, "a b" text,'
                ' "length" int GENERATED ALWAYS AS (length("a b")) STORED)',
                """INSERT INTO "odd schema"."Odd ""table" ("a b") VALUES ('x'), (NULL), ('')""",
                "CREATE TABLE months (at date, what interval) PARTITION BY RANGE (at)",
                "CREATE TABLE months_1 PARTITION OF months FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
                "INSERT INTO months VALUES ('2026-01-31', '1 month -3 days 00:00:01.5')",
                "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM months",
                "CREATE SEQUENCE numbers START 5",
                "SELECT nextval('numbers')",
            ):
                connection.exec_driver_sql(statement)
        dump(database.migration_engine, tmp_path / "backup")
        restore(restored.migration_engine, tmp_path / "backup")
        assert look(restored) == look(database)
        assert sum(len(rows) for name, rows in look(restored).items() if "odd" in name or "month" in name) == 4
        with restored.migration_engine.connect() as connection:
            assert connection.scalar(text("SELECT nextval('numbers')")) == 6
            assert connection.scalar(text("SELECT * FROM counted")) == 1


def test_a_dump_is_of_one_moment_while_others_write(
    opened: Open, domain_cluster: Cluster, look: Callable[[Database], Rows], tmp_path: Path
) -> None:
    """And they see their own rows alone all the while."""
    ended = Event()

    def write(database: Database) -> int:
        written = 0
        while not ended.is_set():
            with database.get_session(organization_id=1) as session:
                tender = TenderRepository(session).create(title="written")
                AnalysisRepository(session).create(tender_id=tender.id, is_relevant=True, confidence=1)
            written += 1
        return written

    def read(database: Database) -> list[int]:
        seen: list[int] = []
        by_hand = not database.is_sqlite
        while not ended.is_set():
            with database.get_session(organization_id=2, unguarded_sql=by_hand) as session:
                if by_hand:
                    seen.append(session.connection().scalar(text("SELECT count(*) FROM tenders")) or 0)
                else:
                    seen.append(TenderRepository(session).count(include_deleted=True))
        return seen

    with opened() as database:
        migrated(database, domain_cluster)
        assert fill(database) == [1, 2]
        with ThreadPoolExecutor(4) as threads:
            writers = [threads.submit(write, database) for _ in range(2)]
            reader = threads.submit(read, database)
            try:
                for number in range(5):
                    dump(database.migration_engine, tmp_path / f"backup {number}")
            finally:
                ended.set()
        assert sum(writer.result() for writer in writers) > 5
        assert set(reader.result()) == {3}
        with opened() as restored:
            restore(restored.migration_engine, tmp_path / "backup 4")
            rows = look(restored)
            assert len(rows["tenders"]) == len(rows["analysis_results"]) > 6


def test_a_locked_table_is_waited_for_so_long(one_login: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "_SETTINGS", "SET LOCAL lock_timeout = '50ms'")
    with one_login() as database:
        upgraded(database)
        (first, _) = fill(database)
        with database.get_session(organization_id=first) as session:
            TenderRepository(session).create(title="not committed")
            with pytest.raises(UnavailableError):
                dump(database.migration_engine, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def stalled(database: Database, file: Path) -> "subprocess.Popen[bytes]":
    """A dump in a process of its own that waits for a lock that the caller holds."""
    url = database.migration_engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-m", "domain", "db", "dump", str(file)],
        env={**os.environ, "MIGRATION_DATABASE_URL": url, "DATABASE_URL": url},
        stderr=subprocess.PIPE,
    )
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
    for _ in range(600):
        with database.engine.connect() as connection:
            if connection.scalar(waiting):
                return process
        time.sleep(0.05)
    raise AssertionError("the dump does not wait")


@pytest.mark.parametrize("how", ["its process is killed", "its connection is ended"])
def test_a_dump_that_is_killed_leaves_protection_on_and_no_file(
    one_login: Open, superuser: Superuser, tmp_path: Path, how: str
) -> None:
    held = text("SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity")
    with one_login() as database, superuser(name_of(database)) as engine:
        upgraded(database)
        (first, _) = fill(database)
        with database.get_session(organization_id=first) as session:
            TenderRepository(session).create(title="not committed")
            process = stalled(database, tmp_path / "backup")
            if how == "its process is killed":
                process.send_signal(signal.SIGKILL)
            else:
                end = (
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
                )
                with engine.connect() as connection:
                    assert connection.scalar(text(end))
            _, said = process.communicate(timeout=30)
            assert process.returncode == (-signal.SIGKILL if how == "its process is killed" else 3), said
        with engine.connect() as connection:
            assert connection.scalar(held) == 0
        with database.get_session(organization_id=first, unguarded_sql=True) as session:
            assert session.connection().scalar(text("SELECT count(*) FROM tenders")) == 4
        assert not (tmp_path / "backup").exists()
        assert dump(database.migration_engine, tmp_path / "backup")["public.tenders"] == 7


DAMAGES: dict[str, tuple[Callable[[str], str], str]] = {
    "without its end": (lambda sql: sql.removesuffix("COMMIT;\n"), "the dump has no end"),
    "half of it": (lambda sql: sql[: len(sql) // 2], "."),
    "within its rows": (lambda sql: sql[: sql.index("first@example.org")], "."),
    "without a row": (lambda sql: re.sub(r".*first@example.org.*\n", "", sql), "rows are missing"),
    "nothing": (lambda _: "", "the dump has no end"),
}


def test_of_a_damaged_dump_nothing_is_restored(
    one_login: Open, look: Callable[[Database], Rows], tmp_path: Path
) -> None:
    with one_login() as database, one_login() as restored:
        upgraded(database)
        fill(database)
        dump(database.migration_engine, tmp_path / "backup")
        whole = (tmp_path / "backup").read_text(encoding="utf-8")
        for name, (damaged, said) in DAMAGES.items():
            (tmp_path / name).write_text(damaged(whole), encoding="utf-8", newline="")
            with pytest.raises(BackupError, match=f"nothing was restored: .*{said}") as refused:
                restore(restored.migration_engine, tmp_path / name)
            assert "@example.org" not in str(refused.value)
            assert look(restored) == {}
        restore(restored.migration_engine, tmp_path / "backup")


def test_without_the_roles_of_its_policies_nothing_is_restored(
    three_logins: Open, domain_cluster: Cluster, look: Callable[[Database], Rows], tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    with three_logins() as database, three_logins() as restored:
        migrated(database, domain_cluster)
        dump(database.migration_engine, file)
        file.write_text(file.read_text(encoding="utf-8").replace("domain_test_system", "not_there"), encoding="utf-8")
        with pytest.raises(BackupError, match='nothing was restored: role "not_there" does not exist'):
            restore(restored.migration_engine, file)
        assert look(restored) == {}


def test_nothing_is_overwritten(opened: Open, domain_cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    with opened() as database:
        migrated(database, domain_cluster)
        dump(database.migration_engine, file)
        content = file.read_bytes()
        with pytest.raises(BackupError, match="is there already"):
            dump(database.migration_engine, file)
        assert file.read_bytes() == content
        with pytest.raises(BackupError, match="nothing was restored: the database has tables already"):
            restore(database.migration_engine, file)


def test_what_is_no_dump_is_not_restored(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "no dump").write_text("SELECT 1/0;")
    for name in ("no dump", "missing", ""):
        with opened() as restored, pytest.raises(BackupError, match="nothing was restored"):
            restore(restored.migration_engine, tmp_path / name)


def test_a_damaged_copy_of_sqlite_is_not_restored(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        upgraded(database)
        fill(database)
        dump(database.migration_engine, tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    (tmp_path / "backup").write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
    with Database(f"sqlite:///{tmp_path / 'b.db'}") as restored, pytest.raises(BackupError, match="nothing was"):
        restore(restored.migration_engine, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "b.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_folder_that_is_not_there_is_named(opened: Open, tmp_path: Path) -> None:
    with opened() as database, pytest.raises(BackupError, match=r"no dump was made: .*not there"):
        dump(database.migration_engine, tmp_path / "not there" / "backup")


def test_a_program_is_given_no_password_that_others_see(
    one_login: Open, domain_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "pg_dump"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho "$PGPASSWORD" > {tmp_path}/password\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(fake.parent), os.environ["PATH"])))
    with one_login() as database, pytest.raises(BackupError, match="no dump was made"):
        dump(database.migration_engine, tmp_path / "backup")
    password = str(make_url(domain_cluster.url("any", OWNER)).password)
    assert password not in (tmp_path / "arguments").read_text()
    assert "host=" in (tmp_path / "arguments").read_text()
    assert (tmp_path / "password").read_text() == f"{password}\n"
    monkeypatch.setenv("PATH", "")
    with one_login() as database, pytest.raises(BackupError, match="there is no pg_dump: install"):
        dump(database.migration_engine, tmp_path / "backup")


def test_large_objects_are_refused(one_login: Open, tmp_path: Path) -> None:
    with one_login() as database:
        with database.migration_engine.begin() as connection:
            connection.execute(text("SELECT lo_from_bytea(0, '\\x00')"))
        with pytest.raises(BackupError, match="large objects"):
            dump(database.migration_engine, tmp_path / "backup")
