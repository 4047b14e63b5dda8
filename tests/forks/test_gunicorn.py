"""gunicorn's workers, forked from a process that has used the pool (``--preload``), read their own organization."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from domain import Database, Tender, TenderRepository
from domain.testing import build
from domain.testing.postgres import free_port

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="gunicorn forks")

WORKERS = 4
READS = int(os.environ.get("DOMAIN_TEST_FORK_READS", "2000"))
EACH = 20  # in a request
START_SECONDS = 60.0


@pytest.fixture
def address(domain_postgresql: Database, tmp_path: Path) -> Iterator[str]:
    """Where gunicorn serves."""
    for organization_id in (1, 2):
        with domain_postgresql.get_session(organization_id=organization_id) as session:
            rows = [build(Tender, title=f"of {organization_id}") for _ in range(EACH)]
            TenderRepository(session).create_many(rows)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", f"--workers={WORKERS}", "--worker-class=asgi"]
    command += [f"--bind=127.0.0.1:{port}", "--no-control-socket", "tests.forks.served:app"]
    url = domain_postgresql.engine.url.render_as_string(hide_password=False)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}, stdout=log, stderr=log)
    try:
        _await(f"http://127.0.0.1:{port}/openapi.json", process, tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url, timeout=START_SECONDS):
                return
        except URLError:
            time.sleep(0.1)
    raise RuntimeError(f"gunicorn did not start: {log.read_text()[-2000:]}")


def test_no_worker_reads_another_organizations_rows_or_dies(address: str, tmp_path: Path) -> None:
    def read(number: int) -> dict[str, int]:
        with urlopen(f"{address}/{number % 2 + 1}?reads={EACH}", timeout=START_SECONDS) as response:
            answer: dict[str, int] = json.load(response)
            return answer

    with ThreadPoolExecutor(2 * WORKERS) as clients:
        answers = list(clients.map(read, range(READS // EACH)))
    assert sum(answer["foreign"] for answer in answers) == 0
    assert len({answer["process"] for answer in answers}) > 1
    assert (tmp_path / "log").read_text().count("Booting worker") == WORKERS
