"""A burst of requests against a server of its own, over PostgreSQL: all are answered, and all is stored.

With a session as a dependency that yields, the same burst locks up: connections wait for threads, threads for
connections. A test client sends one request at a time, and sees nothing of it.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import httpx2
import pytest

from domain import Database, OrganizationRepository, TenderRepository
from domain.testing import make_organization
from domain.testing.postgres import free_port

ROOT = Path(__file__).parents[2]
PATHS = ("/tenders", "/async", "/metered", "/tenders/metered")  # in threads and in coroutines, and metered so
PATIENCE_SECONDS = 60.0


@pytest.fixture
def organization_id(domain_postgresql: Database) -> int:
    return make_organization(domain_postgresql, slug="busy", monthly_analysis_limit=10_000).id


@contextmanager
def server(database: Database, **options: float) -> Generator[str]:
    """A uvicorn of its own with one process; its URL."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "BURST_OPTIONS": json.dumps(options),
    }
    command = [sys.executable, "-m", "uvicorn", "tests.fastapi.burst:app", "--port", str(port), "--no-access-log"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            while not _answers(url):
                assert process.poll() is None, "the server did not start"
                time.sleep(0.1)
            yield url
        finally:
            process.kill()  # one that has locked up would not end by itself


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/openapi.json").is_success
    except httpx2.TransportError:
        return False


def burst(url: str, organization_id: int, number: int, paths: tuple[str, ...]) -> Counter[int]:
    """How often each status was answered to so many requests at once."""

    async def send_all() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=None)
        headers = {"X-Organization": str(organization_id)}
        async with httpx2.AsyncClient(base_url=url, limits=limits, headers=headers, timeout=PATIENCE_SECONDS) as client:
            sent = (
                client.post(path, json={"title": "x"}) for path, _ in zip(cycle(paths), range(number), strict=False)
            )
            return await asyncio.gather(*sent)

    return Counter(answer.status_code for answer in asyncio.run(send_all()))


def stored(database: Database, organization_id: int) -> tuple[int, int]:
    """How many tenders, and how many analyses counted."""
    with database.get_session(organization_id=organization_id) as session:
        organization = OrganizationRepository(session).require(organization_id)
        return TenderRepository(session).count(), organization.monthly_analysis_count


@pytest.mark.parametrize(
    ("number", "options"), [(400, {}), (200, {"pool_size": 5, "max_overflow": 5})], ids=["by default", "a small pool"]
)
def test_every_request_of_a_burst_is_answered_and_stored(
    domain_postgresql: Database, organization_id: int, number: int, options: dict[str, float]
) -> None:
    with server(domain_postgresql, **options) as url:
        assert burst(url, organization_id, number, PATHS) == {201: number}
        assert stored(domain_postgresql, organization_id) == (number, number // 2)


def test_sessions_as_dependencies_lock_up(domain_postgresql: Database, organization_id: int) -> None:
    with server(domain_postgresql, pool_size=1, max_overflow=1, pool_timeout=1.0) as url:
        for path in ("/old", "/old/metered"):
            assert burst(url, organization_id, 2, (path,)) == {201: 2}
            assert burst(url, organization_id, 100, (path,))[503] > 0
