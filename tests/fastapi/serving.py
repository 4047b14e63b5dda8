"""A uvicorn of its own, over a test's database."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from domain import Database, UserRole
from domain.repositories import ApiKeyRepository
from domain.testing.postgres import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def server(database: Database, application: str, **environment: str) -> Generator[str]:
    """Serve the application in one process; its URL."""
    port = free_port()
    url = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), "--no-access-log"]
    variables = {**os.environ, "DATABASE_URL": url, **environment}
    with subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.DEVNULL) as process:
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


def key_of(database: Database, organization_id: int, role: UserRole = UserRole.OWNER) -> dict[str, str]:
    """The header that a program of the organization sends."""
    with database.get_session(organization_id=organization_id, actor="tests") as session:
        return {"X-API-Key": ApiKeyRepository(session).issue(f"{role} of the tests", role).key}
