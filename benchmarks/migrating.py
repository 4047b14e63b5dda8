"""Two deployers at once over a database that is read and written, and how long its users waited at most.

A tree of revisions as `domain db lint` wants them (columns, filled, checked, indexed and referring) is applied by
two processes of Alembic at a time, to copies of an empty database and of one with many tenders. The exit code is 1
where both or neither migrated, the schema is not as wanted, a call failed, or one waited for a lock longer than the
limit: as the server's log has it, so that a busy machine does not count. ``--naive`` applies the same changes as most
would write them, in one revision, for comparison.

    python benchmarks/migrating.py [--rows 1000000] [--rounds 5] [--threads 8] [--naive]
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import text

from domain import Database, TenderRepository
from domain.migrations import current, head, lint
from domain.testing import Cluster
from domain.testing.cluster import OWNER
from domain.testing.fixtures import prepare

ROOT = Path(__file__).parents[1]
LIMIT_MS = 500
LOGGED = {"log_lock_waits": "on", "deadlock_timeout": "50ms", "log_line_prefix": "%u "}  # from 50 ms on
WAITED = re.compile(rf"^(?!{OWNER}).* acquired \w+ on .* after ([\d.]+) ms", re.MULTILINE)
ORGANIZATION = 1  # the template's first
OUTSIDE = "with op.get_context().autocommit_block():\n        "
CAREFUL = [
    "op.add_column('tenders', sa.Column('region', sa.String(20), nullable=False, server_default='EU'))",
    "op.add_column('tenders', sa.Column('area', sa.String(20)))",
    "backfill('tenders', 'area = region', where='area IS NULL AND id <= {filled}')",
    "op.create_check_constraint(op.f('ck_region'), 'tenders', \"region <> ''\", postgresql_not_valid=True)",
    "op.execute('ALTER TABLE tenders VALIDATE CONSTRAINT ck_region')",
    f"{OUTSIDE}op.drop_index('ix_region', 'tenders', if_exists=True, postgresql_concurrently=True)\n        "
    "op.create_index('ix_region', 'tenders', ['organization_id', 'region', 'id'], postgresql_concurrently=True)",
    "op.create_foreign_key('fk_again', 'tenders', 'organizations', ['organization_id'], ['id'],"
    " postgresql_not_valid=True)",
    "op.execute('ALTER TABLE tenders VALIDATE CONSTRAINT fk_again')",
]
NAIVE = [
    "\n    ".join(
        [
            *CAREFUL[:2],
            "op.execute('UPDATE tenders SET area = region WHERE id <= {filled}')",
            CAREFUL[3].replace(", postgresql_not_valid=True", ""),
            "op.create_index('ix_region', 'tenders', ['organization_id', 'region', 'id'])",
            "op.create_foreign_key('fk_again', 'tenders', 'organizations', ['organization_id'], ['id'])",
        ]
    )
]


def tree(folder: Path, steps: list[str], filled: int) -> None:
    """A copy of our revisions, and these after them."""
    shutil.copytree(ROOT / "alembic", folder / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "alembic.ini", folder)
    before = head()
    for number, step in enumerate(steps, 9001):
        (folder / f"alembic/versions/{number}.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\nfrom domain.migrations import backfill\n\n"
            f"revision = '{number}'\ndown_revision = '{before}'\n\n\n"
            f"def upgrade():\n    {step.format(filled=filled)}\n\n\ndef downgrade():\n    pass\n"
        )
        before = str(number)


def fill(cluster: Cluster, name: str, rows: int) -> None:
    """Many tenders of one organization, all alike."""
    with cluster.database(name) as database, database.get_session(organization_id=ORGANIZATION) as session:
        TenderRepository(session).create(title="Bridge", external_id="0")
    admin = cluster._engine(name)  # noqa: SLF001  # a superuser
    with admin.begin() as connection:
        columns = connection.scalars(
            text(
                "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = 'tenders'::regclass AND attnum > 0"
                " AND NOT attisdropped AND attgenerated = '' AND attname NOT IN ('id', 'external_id')"
            )
        ).all()
        names = ", ".join(columns)
        connection.execute(text("SET session_replication_role = replica"))  # without the audit trail's triggers
        connection.execute(
            text(
                f"INSERT INTO tenders ({names}, external_id) SELECT {names}, n::text FROM tenders,"
                f" generate_series(1, {rows}) AS n WHERE external_id = '0'"
            )
        )
    with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE tenders"))


class Traffic:
    """Threads that read, list, write and sometimes rest in a transaction, and how long each call took."""

    def __init__(self, database: Database, threads: int) -> None:
        self.longest: dict[str, float] = {}
        self.calls = 0
        self.failed: list[str] = []
        self._tenant = database.tenant(ORGANIZATION, actor="load")
        self._stop = Event()
        self._threads = [Thread(target=self._work, args=(seed,)) for seed in range(threads)]
        self._threads.append(Thread(target=self._rest))

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _work(self, seed: int) -> None:
        numbers, made = random.Random(seed), [1]
        while not self._stop.is_set():
            call = numbers.choice(["get", "get", "list", "create", "update"])
            began = time.monotonic()
            try:
                with self._tenant.session() as session:
                    tenders = TenderRepository(session)
                    if call == "get":
                        tenders.get(made[-1])
                    elif call == "list":
                        tenders.list_by_organization(limit=10)
                    elif call == "create":
                        made.append(tenders.create(title="Load").id)
                    else:
                        tenders.update_status(made[-1], "processing")
            except Exception as error:
                self.failed.append(f"{call}: {error}")
            took = time.monotonic() - began
            self.longest[call] = max(self.longest.get(call, 0), took)
            self.calls += 1
            time.sleep(0.005)

    def _rest(self) -> None:
        """A reader that keeps its lock: what a migration has to wait for."""
        while not self._stop.is_set():
            try:
                with self._tenant.session() as session:
                    TenderRepository(session).list_by_organization(limit=1)
                    TenderRepository(session).create(title="Rests")
                    self._stop.wait(1.0)
            except Exception as error:
                self.failed.append(f"rest: {error}")
            self._stop.wait(0.5)


def deploy(folder: Path, url: str) -> list[str]:
    """Two deployers at once; what each said on standard error."""
    command = [sys.executable, "-c", DEPLOY]
    environment = {**os.environ, "MIGRATION_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    deployers = [
        subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [deployer.communicate()[1] for deployer in deployers]
    return [
        words if deployer.returncode == 0 else f"FAILED {words}"
        for deployer, words in zip(deployers, said, strict=True)
    ]


DEPLOY = """
import logging
logging.basicConfig(format="%(message)s")
logging.getLogger("domain.migrations").setLevel(logging.INFO)
from alembic import command
from alembic.config import Config
config = Config("alembic.ini")
command.upgrade(config, "head")
"""


def once(cluster: Cluster, template: str, folder: Path, threads: int, last: str) -> list[str]:
    """One round; what was wrong."""
    name = cluster.create(template=template)
    cluster.grant(name)
    try:
        with cluster.database(name) as database:
            before = Traffic(database, threads)
            with before.running():
                time.sleep(5)
            traffic = Traffic(database, threads)
            began, logged = time.monotonic(), len(cluster.log)
            with traffic.running():
                said = deploy(folder, cluster.url(name, OWNER))
            took = time.monotonic() - began
            wrong = [f"a call failed: {failure}" for failure in traffic.failed[:5]]
            wrong += [f"a deployer failed: {words[-500:]}" for words in said if words.startswith("FAILED")]
            migrated = [words.count(" done in") for words in said]
            if sorted(migrated)[0] != 0 or sum(migrated) == 0:
                wrong.append(f"revisions done by each: {migrated}")
            if current(database.migration_engine) != last:
                wrong.append(f"at {current(database.migration_engine)}, not at {last}")
            locked = max([0.0, *map(float, WAITED.findall(cluster.log[logged:]))])
            if locked > LIMIT_MS:
                wrong.append(f"a call waited {locked:.0f} ms for a lock")
            quiet = max(before.longest.values())
            tries = sum(words.count("lets others through") for words in said)
            waits = ", ".join(f"{call} {seconds * 1000:.0f}" for call, seconds in sorted(traffic.longest.items()))
            print(
                f"  {took:5.1f} s, {traffic.calls} calls, revisions {migrated}, {tries} tries again;"
                f" longest wait for a lock {locked:.0f} ms; longest calls in ms: {waits}, before {quiet * 1000:.0f}",
                flush=True,
            )
            return wrong
    finally:
        cluster.drop(name)


def main() -> int:
    parser = argparse.ArgumentParser(description="Two deployers under load.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--fill", type=int, default=100_000, help="rows that the backfill has to do")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--naive", action="store_true")
    arguments = parser.parse_args()
    wrong: list[str] = []
    with Cluster(settings=LOGGED) as cluster, tempfile.TemporaryDirectory() as folder:
        steps = NAIVE if arguments.naive else CAREFUL
        tree(Path(folder), steps, arguments.fill)
        if refused := [] if arguments.naive else lint(Path(folder, "alembic.ini")):
            wrong.append(f"lint refuses {refused}")
        last = str(9000 + len(steps))
        empty = cluster.clone(prepare)
        full = cluster.create(template=empty)
        fill(cluster, full, arguments.rows)
        for rows, template in ((0, empty), (arguments.rows, full)):
            print(f"{rows:,} rows, {arguments.threads} threads", flush=True)
            for _ in range(arguments.rounds):
                wrong += once(cluster, template, Path(folder), arguments.threads, last)
        for name in (empty, full):
            cluster.drop(name)
    for line in wrong:
        print(f"  wrong: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
