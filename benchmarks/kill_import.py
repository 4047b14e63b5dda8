"""Imports killed at random moments and run again: nothing lost, nothing double.

Each database sees some kills (SIGKILL, at a random moment of the import), then a run to the end; what it holds then
must equal what an undisturbed run makes of the same file. Every tender has two releases, far apart in the file.

    python benchmarks/kill_import.py [--engine postgresql|sqlite] [--notices 20000] [--kills 50] [--packed] [--seed N]
"""

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from made_notices import write_notices
from sqlmodel import col, func, select

from domain import Database, Tender, TenderContent, TenderNotice
from domain.ingest import import_paths
from domain.testing import Cluster
from domain.testing.fixtures import prepare

KILLS_EACH = 10
CONTENT = tuple(TenderContent.model_fields)


class Figures(NamedTuple):
    """All that an import makes."""

    tenders: list[tuple[object, ...]]
    """Everything but ids, times and versions, in order."""
    notices: list[tuple[object, ...]]
    """External id of the tender, digest, and whether it is deleted."""


def figures(url: str) -> Figures:
    with Database(url) as database, database.get_session(organization_id=1) as session:
        tenders = session.exec(select(Tender).where(Tender.organization_id == 1)).all()
        names = {tender.id: tender.external_id for tender in tenders}
        statement = select(col(TenderNotice.tender_id), col(TenderNotice.digest), col(TenderNotice.is_deleted))
        notices = session.exec(statement.where(TenderNotice.organization_id == 1))
        rows = [(*(getattr(row, name) for name in CONTENT), row.status, row.is_deleted) for row in tenders]
        return Figures(
            tenders=sorted(rows, key=repr),
            notices=sorted(((names[owner], digest, gone) for owner, digest, gone in notices), key=repr),
        )


def notices(url: str) -> int:
    with Database(url) as database, database.get_session(organization_id=1) as session:
        return session.exec(select(func.count()).select_from(TenderNotice)).one()


class Run:
    """An import in a process of its own, by now at its first statement."""

    def __init__(self, url: str, path: Path) -> None:
        command = [sys.executable, __file__, "--child", url, str(path)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"importing\n"

    def killed_within(self, seconds: float) -> bool:
        """Whether the kill came before the end."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self.ended() != 0

    def ended(self) -> int:
        with self._process:
            return self._process.wait()


def child(url: str, path: Path) -> None:
    with Database(url) as database:
        print("importing", flush=True)
        assert import_paths(database, [path], organization_id=1).ok


@contextmanager
def databases(engine: str, folder: Path) -> Generator[Callable[[], str]]:
    """What makes a fresh database and gives its URL."""
    if engine == "postgresql":
        with Cluster() as cluster:
            yield lambda: cluster.url(cluster.clone(prepare), "domain_test_application")
        return
    template = folder / "template.db"
    with Database(f"sqlite:///{template}") as database:
        prepare(database)
    numbers = iter(range(10**6))
    yield lambda: f"sqlite:///{shutil.copy(template, folder / f'{next(numbers)}.db')}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Imports killed at random moments.")
    parser.add_argument("--engine", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--notices", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--packed", action="store_true", help="import a .jsonl.gz")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--child", nargs=2, metavar=("URL", "PATH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], Path(arguments.child[1]))
        return 0
    chance = random.Random(arguments.seed)
    with TemporaryDirectory() as name, databases(arguments.engine, Path(name)) as fresh:
        path = Path(name, "notices.jsonl.gz" if arguments.packed else "notices.jsonl")
        write_notices(path, arguments.notices // 2, releases_each=2)
        url = fresh()
        started = time.perf_counter()
        assert Run(url, path).ended() == 0
        seconds = time.perf_counter() - started
        wanted = figures(url)
        print(f"{arguments.engine}, seed {arguments.seed}: undisturbed {seconds:.1f} s,", end=" ")
        print(f"{len(wanted.tenders)} tenders, {len(wanted.notices)} notices", flush=True)
        kills = wrong = 0
        while kills < arguments.kills:
            url = fresh()
            kept: list[int] = []
            while kills < arguments.kills and len(kept) < KILLS_EACH:
                if not Run(url, path).killed_within(chance.uniform(0, seconds / 4)):
                    break
                kills += 1
                kept.append(notices(url))
            assert Run(url, path).ended() == 0
            same = figures(url) == wanted
            wrong += not same
            print(
                f"{kills} kills; notices after each: {kept}; at the end {'equal' if same else 'DIFFERENT'}", flush=True
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
