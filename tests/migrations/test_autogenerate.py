import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.operations.ops import AddColumnOp, ModifyTableOps
from sqlalchemy import Column, DateTime, Engine, Uuid, text

from domain.migrations import head, upgrade
from domain.migrations.changed_columns import NoteOp, filled
from tests.migrations.conftest import a_tender_with_a_bid

Catalog = Callable[[Engine], set[str]]
Python = Callable[..., str]
UrlOf = Callable[[Engine], str]

CREATE_ALL = """
import sys
from domain import Database
for url in sys.argv[1:]:
    with Database(url) as database:
        database.create_all()
"""


def change(file: Path, old: str, new: str) -> None:
    content = file.read_text()
    changed = re.sub(old, new.replace("\\", r"\\"), content, count=1, flags=re.DOTALL)
    assert changed != content, old
    file.write_text(changed)


def change_the_models(project: Path) -> None:
    """New columns with limits, a longer text, one more member, an amount's limits; a column and an index less."""
    tender = project / "domain/tenders/model.py"
    change(tender, '    ERROR = "error"\n', '    ERROR = "error"\n    WITHDRAWN = "withdrawn"\n')
    change(tender, r"max_length=1000,", "max_length=2000,")
    change(tender, r'    deadline: [^\n]*\n    """.*?"""\n', "")
    change(tender, r'        live_index\("status".*?\n', "")
    change(tender, r'        live_index\("deadline".*?\n', "")
    change(tender, r'live_unique\("external_id"\)', 'live_unique("source", "external_id")')
    change(
        tender,
        r"    notice_status: ",
        """    reference: Text | None = Field(default=None, max_length=40)
    priority: int = Field(default=3, ge=-5, le=5)
    mark: Text = Field(default="it's 5:30")
    deposit: Amount | None = Field(default=None, ge=1, le=1000, sa_type=Money(20, 4))
    tags: list[Text] = Field(default_factory=list)
    is_checked: bool = True
    seen_at: UtcDatetime | None = None
    notice_status: """,
    )


def test_autogenerate_has_nothing_to_say_about_unchanged_models(
    empty: Engine, project: Path, alembic: Callable[..., str]
) -> None:
    upgrade(empty)
    alembic(project, (empty, "revision", "--autogenerate", "-m", "nothing"))
    (revision,) = project.glob("alembic/versions/*_nothing.py")
    assert revision.read_text().count("    pass\n") == 2


def test_a_generated_revision_runs_unedited_on_both_databases(
    kind: str,
    make_database: Callable[[str], Engine],
    project: Path,
    alembic: Callable[..., str],
    python: Python,
    url_of: UrlOf,
    catalog: Catalog,
) -> None:
    databases = {name: make_database(name) for name in ("sqlite", "postgresql")}
    created = {name: make_database(name) for name in databases}
    for engine in databases.values():
        upgrade(engine)
        a_tender_with_a_bid(url_of(engine))
    before = {name: catalog(engine) for name, engine in databases.items()}
    change_the_models(project)

    generate = (databases[kind], "revision", "--autogenerate", "-m", "changed", "--rev-id", "9999")
    use = [(engine, *words) for engine in databases.values() for words in (("upgrade", "head"), ("check",))]
    alembic(project, generate, *use)
    python("-c", CREATE_ALL, *map(url_of, created.values()), cwd=project)
    for name, engine in databases.items():
        assert catalog(engine) == catalog(created[name]) != before[name]
        with engine.connect() as connection:
            if name == "postgresql":  # row level security holds the owner, too
                connection.execute(text("SELECT set_config('app.organization_id', '1', true)"))
            assert connection.scalar(text("SELECT count(*) FROM bid_documents")) == 1

    alembic(project, *((engine, "downgrade", head()) for engine in databases.values()))
    assert {name: catalog(engine) for name, engine in databases.items()} == before


def test_revisions_import_nothing_of_this_package_but_its_operations(project: Path) -> None:
    revisions = [file.read_text() for file in project.glob("alembic/versions/*.py")]
    assert revisions
    for revision in revisions:
        imported = re.findall(r"^\s*(?:from|import) (\w+)", revision, re.MULTILINE)
        assert set(imported) <= {"collections", "sqlalchemy", "alembic", "domain"}
        of_ours = re.findall(r"^[ \t]*(?:from|import) domain.*", revision, re.MULTILINE)
        names = {
            name for line in of_ours for name in line.strip().removeprefix("from domain.migrations import ").split(", ")
        }
        assert names <= {"DatabaseTime", "ReplaceOp"}


@pytest.mark.parametrize(
    "column",
    [
        Column("at", DateTime, nullable=False),
        Column("at", DateTime, nullable=False, default=datetime(2026, 1, 1, tzinfo=UTC)),  # not of now
        Column("at", Uuid, nullable=False, default=uuid4),  # not the same for every row
    ],
    ids=["no default", "a fixed moment", "one for each row"],
)
def test_a_required_column_that_no_default_fills_is_noted(column: Column[Any]) -> None:
    (changes,) = filled(ModifyTableOps("meetings", [AddColumnOp("meetings", column)]))
    note, added = changes.ops
    assert isinstance(note, NoteOp)
    assert note.words.startswith("meetings.at has no default")
    assert isinstance(added, AddColumnOp)
    assert added.column.server_default is None
