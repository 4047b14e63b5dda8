"""A forked child counts for itself."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain import Database, TenderRepository
from domain.metrics import Instrumentation
from tests.forks.children import in_children
from tests.metrics.scraping import Scrape

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


@pytest.fixture
def child(domain_db: Database, measured: Instrumentation, scrape: Callable[[], Scrape]) -> Callable[[], object]:
    def read() -> object:
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).count()
        return scrape().queries

    return read


def test_a_child_counts_from_0(child: Callable[[], object], scrape: Callable[[], Scrape]) -> None:
    for _ in range(3):
        child()
    assert in_children(child, child) == [{("select", "tenders"): 1}] * 2
    assert scrape().queries == {("select", "tenders"): 3}


@contextmanager
def held(measured: Instrumentation) -> Generator[None]:
    """Another thread is in the middle of counting."""
    is_held, may_end = threading.Event(), threading.Event()
    queries: Any = vars(measured)["_counts"].queries
    locks = [queries._lock, *(each._sum._lock for each in queries._metrics.values())]

    def hold() -> None:
        with ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            is_held.set()
            may_end.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(60)
    yield
    may_end.set()
    holder.join()


def test_a_child_does_not_wait_for_a_thread_of_its_parent(
    child: Callable[[], object], measured: Instrumentation
) -> None:
    child()
    with held(measured):
        assert in_children(child) == [{("select", "tenders"): 1}]


def test_the_counts_of_workers_add_up_in_multiprocess_mode(domain_sqlite: Database, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.metrics.several_workers", str(domain_sqlite.engine.url.database)],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Scrape(done.stdout).queries == {("select", "tenders"): 2}
    assert Scrape(done.stdout).units == {("committed",): 2}
