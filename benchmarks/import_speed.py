"""An import, and one of as many updates, against a bare COPY of the rows that the first makes; and their memory.

The import runs as the application's login with everything on, in a process of its own. The copy brings the same rows
(all columns of tenders and tender_notices) into an identically made database: same indexes, constraints, policies;
as a superuser, since COPY into a table under row level security is refused to others. One connection each, in turns,
on one throwaway PostgreSQL with fsync on. The figure is the median of the rounds' ratios.

    python benchmarks/import_speed.py [--notices 100000] [--rounds 3] [--limit 2.0] [--update-limit 4.0]
        [--megabytes 200]
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psycopg2
from made_notices import write_notices

from domain.testing import Cluster
from domain.testing.fixtures import prepare

ONCE = Path(__file__).with_name("import_once.py")
TABLES = ("tenders", "tender_notices")
FSYNC = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_wal_size": "4GB"}


class Imported(NamedTuple):
    """Seconds, and the peaks of the process and of the one that reads for it, in megabytes."""

    seconds: float
    megabytes: float


def import_in_a_process(url: str, path: Path) -> Imported:
    """Its start-up is not counted, its memory is."""
    ran = subprocess.run([sys.executable, ONCE, url, str(path)], stdout=subprocess.PIPE, check=True)
    seconds, megabytes = map(float, ran.stdout.split())
    return Imported(seconds, megabytes)


class Copies:
    """COPY out of one database and into another, as the superuser."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder

    def save(self, name: str) -> int:
        """Keep the rows of a database in files: how many."""
        rows = 0
        with self._connection(name) as connection, connection.cursor() as cursor:
            for table in TABLES:
                with (self._folder / table).open("wb") as file:
                    cursor.copy_expert(f"COPY {table} TO STDOUT", file)
                    rows += cursor.rowcount
        return rows

    def load(self, name: str) -> float:
        """Seconds to bring the kept rows in."""
        with self._connection(name) as connection, connection.cursor() as cursor:
            started = time.perf_counter()
            for table in TABLES:
                with (self._folder / table).open("rb") as file:
                    cursor.copy_expert(f"COPY {table} FROM STDIN", file)
            connection.commit()
            return time.perf_counter() - started

    def checkpoint(self, name: str) -> None:
        """So that neither side pays for what the other left in memory."""
        with self._connection(name) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("CHECKPOINT")

    def _connection(self, name: str) -> "closing[psycopg2.extensions.connection]":
        return closing(psycopg2.connect(self._cluster.url(name, "postgres").replace("+psycopg2", "")))


@contextmanager
def fresh(cluster: Cluster, copies: Copies) -> Generator[str]:
    """The name of a database with an organization and nothing in it."""
    name = cluster.clone(prepare)
    copies.checkpoint(name)
    try:
        yield name
    finally:
        cluster.drop(name)


def imported(cluster: Cluster, copies: Copies, path: Path, later: Path) -> tuple[Imported, Imported, int]:
    """Import into a fresh database, and then the later releases; the figures of both, and the first rows, kept."""
    with fresh(cluster, copies) as name:
        url = cluster.url(name, "domain_test_application")
        figures, rows = import_in_a_process(url, path), copies.save(name)
        copies.checkpoint(name)
        return figures, import_in_a_process(url, later), rows


def copied(cluster: Cluster, copies: Copies) -> float:
    """Copy the kept rows into a fresh database; seconds."""
    with fresh(cluster, copies) as name:
        return copies.load(name)


def main() -> int:
    parser = argparse.ArgumentParser(description="An import against a bare COPY.")
    parser.add_argument("--notices", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=2.0, help="exit 1 where import / COPY is above it")
    parser.add_argument("--update-limit", type=float, default=4.0, help="exit 1 where updates / COPY is above it")
    parser.add_argument("--megabytes", type=float, default=200, help="exit 1 where the import takes more memory")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, Cluster(settings=FSYNC) as cluster:
        path = Path(folder, "notices.jsonl")
        write_notices(path, arguments.notices)
        write_notices(later := Path(folder, "later.jsonl"), arguments.notices, first_day=1)
        print(f"{arguments.notices} notices, {path.stat().st_size / arguments.notices:.0f} bytes each")
        copies = Copies(cluster, Path(folder))
        ratios: list[float] = []
        update_ratios: list[float] = []
        peak = 0.0
        rows = 0
        for number in range(arguments.rounds):
            first = copied(cluster, copies) if number % 2 else None
            figures, updates, rows = imported(cluster, copies, path, later)
            seconds = first or copied(cluster, copies)
            ratios.append(figures.seconds / seconds)
            update_ratios.append(updates.seconds / seconds)
            peak = max(peak, figures.megabytes, updates.megabytes)
            print(
                f"import {figures.seconds:6.1f} s {rows / figures.seconds:8.0f} rows/s {figures.megabytes:5.0f} MB"
                f"   COPY {seconds:6.1f} s {rows / seconds:8.0f} rows/s   import / COPY {ratios[-1]:.2f}"
                f"   updates {updates.seconds:6.1f} s   updates / COPY {update_ratios[-1]:.2f}",
                flush=True,
            )
        ratio = statistics.median(ratios)
        updating = statistics.median(update_ratios)
        print(f"updates / COPY {updating:.2f} ({min(update_ratios):.2f} to {max(update_ratios):.2f})")
        print(f"{rows} rows: import / COPY {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), peak {peak:.0f} MB")
    is_slow = ratio > arguments.limit or updating > arguments.update_limit
    return 1 if is_slow or peak > arguments.megabytes else 0


if __name__ == "__main__":
    sys.exit(main())
