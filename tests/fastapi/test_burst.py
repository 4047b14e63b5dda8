"""A burst of requests against a server of its own, over PostgreSQL: all are answered, and all is stored.

With a session as a dependency that yields, the same burst locks up: connections wait for threads, threads for
connections. A test client sends one request at a time, and sees nothing of it.
"""

import asyncio
import json
from collections import Counter
from itertools import cycle

import httpx2
import pytest

from domain import Database, OrganizationRepository, TenderRepository
from domain.testing import make_organization
from tests.fastapi.serving import key_of, server

PATHS = ("/tenders", "/async", "/metered", "/async/metered")  # in threads and in coroutines, and metered so
PATIENCE_SECONDS = 60.0


@pytest.fixture
def organization_id(domain_postgresql: Database) -> int:
    return make_organization(domain_postgresql, slug="busy", monthly_analysis_limit=10_000).id


def burst(url: str, headers: dict[str, str], number: int, paths: tuple[str, ...]) -> Counter[int]:
    """How often each status was answered to so many requests at once."""

    async def send_all() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=None)
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
    with server(domain_postgresql, "tests.fastapi.burst:app", BURST_OPTIONS=json.dumps(options)) as url:
        assert burst(url, key_of(domain_postgresql, organization_id), number, PATHS) == {201: number}
        assert stored(domain_postgresql, organization_id) == (number, number // 2)


def test_sessions_as_dependencies_lock_up(domain_postgresql: Database, organization_id: int) -> None:
    options = json.dumps({"pool_size": 1, "max_overflow": 1, "pool_timeout": 1.0})
    headers = key_of(domain_postgresql, organization_id)
    with server(domain_postgresql, "tests.fastapi.burst:app", BURST_OPTIONS=options) as url:
        for path in ("/old", "/old/metered"):
            assert burst(url, headers, 2, (path,)) == {201: 2}
            assert burst(url, headers, 100, (path,))[503] > 0
