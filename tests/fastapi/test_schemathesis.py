"""schemathesis against the example application, served over PostgreSQL, with the keys of two organizations at once.

``API_EXAMPLES=25 make test ARGS='-s tests/fastapi/test_schemathesis.py'`` sends more than 5,000 requests.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain import (
    AnalysisRepository,
    BidDocumentRepository,
    Database,
    OrganizationRepository,
    TenderRepository,
    UserRepository,
)
from domain.models import OrganizationPlan
from tests.fastapi.serving import key_of, server

EXAMPLES = os.environ.get("API_EXAMPLES")
MORE = ["--max-examples", EXAMPLES] if EXAMPLES else ["--phases", "fuzzing,stateful", "--max-examples", "3"]
LEAST = 5_000 if EXAMPLES else 250
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
MARKS = {1: "zx-mark-of-the-first", 2: "zx-mark-of-the-second"}
Entry = dict[str, Any]


def fill(database: Database, organization_id: int) -> None:
    """Store rows whose every text has the organization's mark."""
    mark = MARKS[organization_id]
    with database.get_session(organization_id=organization_id, actor=mark) as session:
        OrganizationRepository(session).update(organization_id, OrganizationPlan(monthly_analysis_limit=100_000))
        UserRepository(session).create(email=f"{mark}@example.org", full_name=mark, hashed_password="no hash")
        for number in range(3):
            tender_id = TenderRepository(session).create(title=mark, external_id=f"{mark}-{number}", source=mark).id
            AnalysisRepository(session).create(
                tender_id=tender_id, is_relevant=True, confidence=1, recommendation=mark, llm_model=mark
            )
            BidDocumentRepository(session).create(
                tender_id=tender_id, executive_summary=mark, capabilities=mark, approach=mark, value_proposition=mark
            )


def attack(url: str, folder: Path, key: dict[str, str]) -> list[Entry]:
    """Run schemathesis with the key, which must find nothing; every request, and its answer."""
    folder.mkdir()
    report = folder / "requests.har"
    reports = ["--report", "har", "--report-har-path", str(report), "--output-sanitize", "false"]
    command = [
        str(SCHEMATHESIS),
        "--config-file",
        str(CONFIG),
        "run",
        f"{url}/openapi.json",
        "--seed",
        "1",
        *reports,
        *MORE,
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "API_KEY": key["X-API-Key"]},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    entries: list[Entry] = json.loads(report.read_text("utf-8"))["log"]["entries"]
    return entries


def rows(entries: list[Entry]) -> set[tuple[str, int]]:
    """The rows in the answers, by the first word of the path; what a sign-up makes is no organization's secret."""
    found: set[tuple[str, int]] = set()
    for entry in entries:
        url: str = entry["request"]["url"]
        kind = urlsplit(url).path.split("/")[1]
        if kind != "sign-up":
            found |= {(kind, row_id) for row_id in _ids(entry["response"]["content"].get("text", ""))}
    return found


def _ids(text: str) -> set[int]:
    """The ids of all objects in a JSON text."""
    found: set[int] = set()

    def look(each: dict[str, Any]) -> None:
        if isinstance(each.get("id"), int):
            found.add(each["id"])

    with suppress(ValueError):  # an answer without a body
        json.loads(text, object_hook=look)
    return found


@pytest.mark.slow
def test_schemathesis_finds_no_fault_and_no_answer_with_another_organizations_data(
    domain_postgresql: Database, tmp_path: Path
) -> None:
    for organization_id in MARKS:
        fill(domain_postgresql, organization_id)
    keys = [key_of(domain_postgresql, organization_id) for organization_id in MARKS]
    with server(domain_postgresql, "tests.fastapi.served:app") as url, ThreadPoolExecutor() as threads:
        runs = threads.map(partial(attack, url), (tmp_path / "first", tmp_path / "second"), keys)
        first, second = runs
    assert len(first) + len(second) >= LEAST
    for entries, own, foreign in ((first, MARKS[1], MARKS[2]), (second, MARKS[2], MARKS[1])):
        statuses = Counter(entry["response"]["status"] for entry in entries)
        print(f"{len(entries):,} requests: {dict(sorted(statuses.items()))}")
        assert max(statuses) < 500
        answers = [json.dumps(entry["response"]) for entry in entries]
        assert any(own in answer for answer in answers)
        assert not any(foreign in answer for answer in answers)
    assert {kind for kind, _ in rows(first)} & {kind for kind, _ in rows(second)} >= {
        "tenders",
        "users",
        "audit",
        "bids",
    }
    assert rows(first) & rows(second) == set()
