"""docs/6-inside.md is true: it names every listener, and shows the SQL that is sent."""

import ast
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from domain import Database, TenantSession, TenderRepository
from tests.docs.blocks import ROOT, blocks

INSIDE = ROOT / "docs" / "6-inside.md"
PACKAGE = ROOT / "domain"
REGISTERING = {
    "listens_for",
    "listen",
    "compiles",
    "implementation_for",
    "dispatch_for",
    "rewrites",
    "add_autogenerate_comparator",
    "register_at_fork",
}


def _registrations(source: Path) -> int:
    calls = (node.func for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Call))
    names = (call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls)
    return sum(name in REGISTERING for name in names)


def test_every_listener_has_its_row() -> None:
    registered = Counter({str(path.relative_to(PACKAGE)): _registrations(path) for path in PACKAGE.rglob("*.py")})
    lines = iter(INSIDE.read_text("utf-8").splitlines())
    assert any(line.startswith("| where | when it runs |") for line in lines)
    next(lines)
    named: Counter[str] = Counter()
    for line in lines:
        if not line.startswith("|"):
            break
        named[line.split("|")[1].strip(" `")] += 1
    assert named == +registered, "a row for each call that registers a listener"


@pytest.mark.parametrize(
    "call",
    [
        "@event.listens_for(engine, 'connect')\ndef on_connect(): ...",
        "listen(engine, 'connect', on_connect)",
        "@compiles(Key, 'sqlite')\ndef written(): ...",
    ],
)
def test_a_listener_is_found_by_the_call(call: str, tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text(call, "utf-8")
    assert _registrations(source) == 1


@pytest.fixture
def sent(domain_db: Database) -> list[str]:
    """Messages of the drivers: to PostgreSQL as they go out; to SQLite a statement each, those of triggers left out."""
    messages: list[str] = []
    engine = domain_db.engine

    def note(said: str) -> None:
        if said not in messages[-1:]:
            messages.append(said)

    def trace(connection: Any, *_: object) -> None:
        connection.set_trace_callback(note)

    def keep(_connection: object, cursor: Any, *_: object) -> None:
        messages.append(cursor.query.decode())

    def commit(connection: Any) -> None:
        if connection.connection.dbapi_connection.get_transaction_status():
            messages.append("COMMIT")

    given: list[tuple[str, Callable[..., None]]] = [("after_cursor_execute", keep), ("commit", commit)]
    for name, listener in [("checkout", trace)] if domain_db.is_sqlite else given:
        event.listen(engine, name, listener)
    return messages


def test_the_sql_that_is_shown_is_sent(domain_db: Database, sent: list[str]) -> None:
    def create(session: TenantSession) -> object:
        return TenderRepository(session).create(title="Harbour bridge")

    def get(session: TenantSession) -> object:
        return TenderRepository(session).get(1)

    domain_db.run(get, organization_id=1)
    sent.clear()
    domain_db.run(create, organization_id=1, actor="user:12")
    domain_db.run(get, organization_id=1, actor="user:12")
    (shown,) = (b.code for b in blocks(INSIDE) if b.info == f"sql {domain_db.engine.dialect.name}")
    assert _short(" ".join(sent)) == " ".join(shown.split())


def _short(sql: str) -> str:
    """The statements in one line, with an ellipsis for all columns and values but the first."""
    for start, end in (
        (r"\(organization_id", r"\) VALUES"),
        (r"VALUES \(1", r"\) RETURNING"),
        (r"SELECT \S+", r"\s+FROM tenders"),
    ):
        sql = re.sub(f"({start}), .*?(?={end})", r"\1, ...", sql)
    return " ".join(sql.split())
