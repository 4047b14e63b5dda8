"""What an editor shows at the places marked in ``editor.py``, asked of pyright's own server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlmodel import SQLModel

from domain import Page, Tender, TenderContent, TenderFilter, TenderPublic, TenderRepository, User
from domain.testing.attack.discovery import public_methods

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).parent / "editor.py"
MODELS: dict[str, type[BaseModel]] = {
    "row": Tender,
    "body": TenderContent,
    "answer": TenderPublic,
    "user": User,
    "page": Page,
    "wanted": TenderFilter,
    "Tender": Tender,
}
PLACES = [
    (number, line.partition("  # ")[0], mark)
    for number, line in enumerate(FILE.read_text().splitlines())
    if (mark := line.partition("  # ")[2])
]
FIRST = ["*", "organization_id"]  # the base's, which is rarely given


class Editor:
    """A client of the language server that has one file open."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "pyright.langserver", "--stdio"]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._asked = 0
        folder = {"uri": ROOT.as_uri(), "name": "domain"}
        text = {"hover": {"contentFormat": ["plaintext"]}}
        able = {"workspace": {"configuration": True}, "textDocument": text}
        self._ask("initialize", {"processId": None, "workspaceFolders": [folder], "capabilities": able})
        self._send("initialized", {})
        opened = {"uri": FILE.as_uri(), "languageId": "python", "version": 1, "text": FILE.read_text()}
        self._send("textDocument/didOpen", {"textDocument": opened})

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()

    def ask(self, what: str, line: int, character: int) -> Any:
        """What the server says of a place."""
        place = {"line": line, "character": character}
        return self._ask(f"textDocument/{what}", {"textDocument": {"uri": FILE.as_uri()}, "position": place})

    def _ask(self, method: str, given: dict[str, Any]) -> Any:
        self._asked += 1
        self._send(method, given, id=self._asked)
        while True:
            message = self._read()
            if "method" in message and "id" in message:  # the server asks for its settings
                asked: dict[str, list[dict[str, str]]] = message["params"] or {}
                python = {"pythonPath": sys.executable}
                settings = [python if item.get("section") == "python" else {} for item in asked.get("items", [])]
                self._write({"id": message["id"], "result": settings or None})
            elif message.get("id") == self._asked:
                return message["result"]

    def _send(self, method: str, given: dict[str, Any], **request: int) -> None:
        self._write({"method": method, "params": given, **request})

    def _write(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self._server.stdin.flush()

    def _read(self) -> dict[str, Any]:
        output = self._server.stdout
        assert output is not None
        headers = [line.lower() for line in iter(output.readline, b"\r\n")]
        length = next(int(line.partition(b":")[2]) for line in headers if line.startswith(b"content-length"))
        message: dict[str, Any] = json.loads(output.read(length))
        return message


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    opened = Editor()
    yield opened
    opened.close()


def places(mark: str) -> list[Any]:
    found = [pytest.param(number, code, id=code.strip()) for number, code, given in PLACES if given == mark]
    assert found
    return found


@pytest.mark.parametrize(("number", "code"), places("hover"))
def test_a_field_is_shown_with_its_description(editor: Editor, number: int, code: str) -> None:
    owner, _, field = code.strip().removeprefix("print(").removesuffix(")").partition(".")
    shown = editor.ask("hover", number, code.rindex(".") + 1)["contents"]["value"]
    description = MODELS[owner].model_fields[field].description
    assert description
    assert shown.endswith(f"\n\n{description}")


@pytest.mark.parametrize(("number", "code"), places("signature"))
def test_what_must_be_given_comes_first(editor: Editor, number: int, code: str) -> None:
    name = "create(" if "create(" in code else "("
    for signature in editor.ask("signatureHelp", number, code.index(name) + len(name))["signatures"]:
        labels = [one["label"] for one in signature["parameters"]]
        labels = [label for label in labels if label.partition(":")[0] not in FIRST]
        required = ["=" not in label for label in labels]
        assert any(required)
        assert required == sorted(required, reverse=True), labels


def members(editor: Editor, name: str) -> set[str]:
    """What is offered behind ``name.``, but for private names."""
    number, code = next((number, code) for number, code, _ in PLACES if code.strip().startswith(f"print({name}."))
    items = editor.ask("completion", number, code.rindex(".") + 1)["items"]
    return {item["label"] for item in items if not item["label"].startswith("_")}


def test_only_what_may_be_called_is_offered(editor: Editor) -> None:
    assert members(editor, "tenders") == {*public_methods(TenderRepository), "model", "patch", "session"}
    handle = {"database", "organization_id", "actor", "request_id", "session", "read_session", "run", "arun"}
    assert members(editor, "tenant") == handle
    of_tenders = members(editor, "tender") - {*dir(SQLModel)}
    assert of_tenders - {"model_fields_set", "model_extra"} == {
        *Tender.model_fields,
        *Tender.__sqlmodel_relationships__,
        "retention_days",
    }
