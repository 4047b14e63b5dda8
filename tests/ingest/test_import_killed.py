"""kill -9 during an import: the next run completes it, and nothing is lost or stands twice."""

import signal
import subprocess
import sys
from pathlib import Path

from pydantic import JsonValue
from sqlmodel import col, select

from domain import Database, Tender, TenderNotice
from tests.ingest.importer import Importer, release

IMPORT = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from domain import Database
from domain.ingest import batches, import_paths

url, path, statements, moment = sys.argv[1:]
batches.RELEASES = 8

with Database(url) as db:
    seen = 0
    @event.listens_for(db.engine, moment)
    def _count(*_arguments):
        global seen
        seen += 1
        if seen == int(statements):
            os.kill(os.getpid(), signal.SIGKILL)
    import_paths(db, [Path(path)], organization_id=int(sys.stdin.read()))
"""


def killed(importer: Importer, path: Path, *, at: int, moment: str) -> bool:
    """Whether the import was killed at the ``at``-th such moment, before its end."""
    url = importer.db.engine.url.render_as_string(hide_password=False)
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT, url, str(path), str(at), moment],
        input=str(importer.organization_id).encode(),
        cwd=Path(__file__).parents[2],
        check=False,
    )
    return ran.returncode == -signal.SIGKILL


def digests(db: Database, organization_id: int) -> list[tuple[str | None, str]]:
    """External id and digest of every notice."""
    with db.get_session(organization_id=organization_id) as session:
        tenders = session.exec(select(Tender).where(Tender.organization_id == organization_id)).all()
        names = {tender.id: tender.external_id for tender in tenders}
        statement = select(col(TenderNotice.tender_id), col(TenderNotice.digest))
        found = session.exec(statement.where(TenderNotice.organization_id == organization_id))
        return sorted(((names[owner], digest) for owner, digest in found), key=str)


def test_an_import_that_is_killed_and_run_again_gives_what_an_undisturbed_one_gives(
    importer: Importer, other: Importer
) -> None:
    days = ("2026-05-01", "2026-05-02")
    lines: list[JsonValue] = [release(f"ocds-{n}", date=day, title=f"{n} on {day}") for day in days for n in range(20)]
    path = importer.file(*lines)
    other.paths([path])
    # After a statement of the second batch; before the third commit, and right after a statement of the fourth.
    assert killed(importer, path, at=10, moment="after_cursor_execute")
    assert killed(importer, path, at=3, moment="commit")
    assert killed(importer, path, at=13, moment="after_cursor_execute")
    partial = digests(importer.db, importer.organization_id)
    assert 0 < len(partial) < 40
    importer.paths([path])
    assert importer.content() == other.content()
    assert digests(importer.db, importer.organization_id) == digests(other.db, other.organization_id)
    assert len(importer.tenders(include_deleted=True)) == 20
    assert len(importer.notices(include_deleted=True)) == 40
