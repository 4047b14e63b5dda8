"""Importing made-up releases, and reading what the database holds afterwards."""

import json
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from pydantic import JsonValue
from sqlmodel import col, select

from domain import Database, Tender, TenderContent, TenderNotice, TenderPatch, TenderRepository, including_deleted
from domain.ingest import ImportSummary, import_paths
from domain.retention import purge

Json = dict[str, JsonValue]
BRIDGE = "ocds-x-bridge"
CONTENT = tuple(TenderContent.model_fields)


def release(ocid: str = BRIDGE, *, date: str | None = None, tag: str = "tender", **tender: JsonValue) -> Json:
    """A release that says this of its tender."""
    return release_of(tender, ocid, date=date, tag=tag)


def release_of(tender: Json, ocid: str = BRIDGE, *, date: str | None = None, tag: str = "tender") -> Json:
    """The same, with the tender as it is."""
    stated: Json = {} if date is None else {"date": date}
    return {"ocid": ocid, "id": "r", "tag": [tag], **stated, "tender": {"id": "1", **tender}}


class Importer:
    """Writes files, imports them for one organization, and reads its rows in sessions of their own."""

    def __init__(self, db: Database, folder: Path, *, organization_id: int) -> None:
        self.db = db
        self.organization_id = organization_id
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._numbers = count(1)

    def file(self, *lines: JsonValue | bytes, name: str | None = None) -> Path:
        """A JSON Lines file; bytes are written as they are."""
        path = self._folder / (name or f"{next(self._numbers)}.jsonl")
        path.write_bytes(b"".join(_line(line) + b"\n" for line in lines))
        return path

    def run(self, *lines: JsonValue | bytes, strict: bool = False) -> ImportSummary:
        """Import the lines as one file."""
        return self.paths([self.file(*lines)], strict=strict)

    def paths(
        self, paths: Sequence[Path], *, strict: bool = False, progress: Callable[[int], None] | None = None
    ) -> ImportSummary:
        """Import the files."""
        return import_paths(
            self.db, paths, organization_id=self.organization_id, strict=strict, progress=progress, actor="test"
        )

    def tenders(self, *, include_deleted: bool = False) -> list[Tender]:
        """The organization's tenders, in the order of their ids."""
        with self.db.get_session(organization_id=self.organization_id) as session:
            statement = select(Tender).where(Tender.organization_id == self.organization_id).order_by(col(Tender.id))
            return [row for row in session.exec(including_deleted(statement)) if include_deleted or not row.is_deleted]

    def tender(self, ocid: str = BRIDGE) -> Tender:
        """The live tender with this external id."""
        [tender] = [tender for tender in self.tenders() if tender.external_id == ocid]
        return tender

    def notices(self, *, include_deleted: bool = False) -> list[TenderNotice]:
        """The organization's notices, in the order of their ids."""
        with self.db.get_session(organization_id=self.organization_id) as session:
            statement = select(TenderNotice).where(TenderNotice.organization_id == self.organization_id)
            rows = session.exec(including_deleted(statement).order_by(col(TenderNotice.id)))
            return [row for row in rows if include_deleted or not row.is_deleted]

    def content(self) -> dict[str | None, dict[str, object]]:
        """The content of every live tender by its external id."""
        return {tender.external_id: content_of(tender) for tender in self.tenders()}

    def edit(self, ocid: str = BRIDGE, /, **changes: object) -> None:
        """Change the tender as a person does."""
        with self.db.get_session(organization_id=self.organization_id, actor="user:1") as session:
            tenders = TenderRepository(session)
            tender = tenders.get_by_external_id(ocid)
            assert tender is not None
            tenders.update(tender.id, TenderPatch.model_validate(changes))

    def delete(self, ocid: str = BRIDGE) -> int:
        """Delete the tender as a person does; its id."""
        with self.db.get_session(organization_id=self.organization_id, actor="user:1") as session:
            tenders = TenderRepository(session)
            tender = tenders.get_by_external_id(ocid)
            assert tender is not None
            assert tenders.soft_delete(tender.id)
            return tender.id

    def purge(self) -> None:
        """Remove for good what was deleted."""
        purge(self.db, actor="test", organization_id=self.organization_id, older_than_days=0)


def content_of(tender: Tender) -> dict[str, object]:
    """Every field that an import may write."""
    return {name: getattr(tender, name) for name in CONTENT}


def counts(summary: ImportSummary) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, skipped."""
    return summary.created, summary.updated, summary.unchanged, summary.skipped


def _line(line: JsonValue | bytes) -> bytes:
    return line if isinstance(line, bytes) else json.dumps(line).encode("ascii")
