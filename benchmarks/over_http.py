"""Contenders as their clients see them: each in a process of its own behind uvicorn, asked over one connection."""

import subprocess
import sys
from collections.abc import Sequence
from http.client import HTTPConnection
from typing import ClassVar

import orjson

from domain import TenderPublic

from .contenders.contender import Content
from .filling import content
from .operations import FLOOR, PAGE, Operation
from .served import KINDS
from .stage import Stage

OPERATIONS = (
    Operation("get", "GET a tender", 1.5, to=FLOOR),
    Operation("list_newest", "GET the newest 50", 1.9, to=FLOOR),
    Operation("create", "POST a tender", 1.6, to=FLOOR),
)
ORGANIZATION, STRANGER = 3, 4


class OverHttp:
    """The calls of a contender as requests."""

    name: ClassVar[str]
    audited: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.served", self.name, url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._connection = HTTPConnection("127.0.0.1", int(self._process.stdout.readline()))

    def close(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.communicate()

    def cpu(self) -> float:
        """Seconds of the processor that the serving process has used."""
        return float(self._ask("GET", "/cpu", 0)[1])

    def get(self, organization_id: int, tender_id: int) -> tuple[int, bytes]:
        return self._ask("GET", f"/tenders/{tender_id}", organization_id)

    def list_newest(self, organization_id: int) -> tuple[int, bytes]:
        return self._ask("GET", f"/tenders?limit={PAGE}", organization_id)

    def create(self, organization_id: int, content: Content) -> tuple[int, bytes]:
        return self._ask("POST", "/tenders", organization_id, orjson.dumps(content, default=str))

    def _ask(self, method: str, path: str, organization_id: int, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {"X-Organization": str(organization_id), "Content-Type": "application/json"}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


SERVED: tuple[type[OverHttp], ...] = tuple(
    type(f"{kind.__name__}OverHttp", (OverHttp,), {"name": kind.name, "isolated": kind.isolated}) for kind in KINDS
)


def check(stages: Sequence[Stage]) -> None:
    """Raises AssertionError where one answers otherwise than the database has it, or than the floor does."""
    answers = {stage.contender.name: _answers(stage) for stage in stages}
    for name, answered in answers.items():
        assert answered == answers[FLOOR], f"{name} answers otherwise than {FLOOR}"


def _answers(stage: Stage) -> tuple[list[TenderPublic], TenderPublic]:
    contender: OverHttp = stage.contender
    stage.admin.execute(
        "SELECT id FROM tenders WHERE organization_id = %s AND NOT is_deleted"
        " ORDER BY created_at DESC, id DESC LIMIT %s",
        (ORGANIZATION, PAGE),
    )
    ids = [row[0] for row in stage.admin.fetchall()]
    status, body = contender.list_newest(ORGANIZATION)
    listed = [TenderPublic.model_validate(item) for item in orjson.loads(body)["items"]]
    assert (status, [tender.id for tender in listed]) == (200, ids), contender.name
    status, body = contender.get(ORGANIZATION, ids[7])
    assert (status, TenderPublic.model_validate_json(body)) == (200, listed[7]), contender.name
    assert contender.get(STRANGER, ids[7])[0] == 404, contender.name
    status, body = contender.create(ORGANIZATION, content("check"))
    created = TenderPublic.model_validate_json(body)
    given = content("check")
    assert (status, {name: getattr(created, name) for name in given}) == (201, given), contender.name
    stage.admin.execute("SELECT title FROM tenders WHERE organization_id = %s AND id = %s", (ORGANIZATION, created.id))
    assert stage.admin.fetchone() == (given["title"],), contender.name
    stage.restore()
    # Without what is another one at each time that it is made.
    return listed, created.model_copy(update=dict.fromkeys(("id", "created_at", "updated_at")))
