"""From paths to batches of releases that fit in memory, prepared for storing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from . import paths
from .documents import Document, documents
from .exact_json import digest, parsed, written
from .files import files_at
from .items import Item, Refusal, Release, Remark
from .mapping import TenderFields, merge
from .package import joined
from .shapes import items
from .text import line

RELEASES = 1000
CHARACTERS = 2_000_000
"""Of JSON text; two batches are in memory at a time, and copies on their way."""
_LONGEST_REMARK = 60


class PreparedRelease(NamedTuple):
    """A release, its content as text: as objects it would take several times the memory."""

    rest: Release
    """The release without its content."""
    digest: str
    """A hash of the content."""
    written: str
    """The content as JSON."""
    tender: TenderFields
    """The row of its tender where the release is alone."""

    def release(self) -> Release:
        """The release again, to be merged with others."""
        content, _ = parsed(self.written.encode())
        assert isinstance(content, dict)
        return replace(self.rest, content=content)

    def joined(self, package: Mapping[str, JsonValue]) -> "PreparedRelease":
        """The same release, received once more with this around it."""
        return prepare(replace(self.release(), package=joined(self.rest.package, package)))


def prepare(release: Release) -> PreparedRelease:
    """Prepare a release."""
    content = release.content
    return PreparedRelease(replace(release, content={}), digest(content), written(content), merge([release]))


@dataclass(kw_only=True)
class Batch:
    """All that was read since the last batch."""

    releases: list[PreparedRelease] = field(default_factory=list[PreparedRelease])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    remarks: list[Remark] = field(default_factory=list[Remark])
    files: int = 0


def batches(files: Iterable[Path]) -> Iterator[Batch]:
    """Read files and folders, at most 1000 releases or about 2 MB at a time."""
    batch = Batch()
    size = 0
    for found in read_files(files):
        if isinstance(found, Refusal):
            batch.refusals.append(found)
        elif isinstance(found, Remark):
            batch.remarks.append(found)
        elif isinstance(found, Path):
            batch.files += 1
        else:
            batch.releases.append(release := prepare(found))
            batch.remarks += _left_out(found, release.tender)
            size += len(release.written)
            if len(batch.releases) >= RELEASES or size >= CHARACTERS:
                yield batch
                batch, size = Batch(), 0
    yield batch


def read_files(paths: Iterable[Path]) -> Iterator[Path | Item]:
    """The releases in files, and in every .json, .jsonl and .ndjson file below folders, in sorted order.

    Release packages, record packages, bare releases and bare records, lists of them, JSON Lines of any of them, and
    gzips of these. Large files are streamed.

    What can't be used, be it a path, a file, a line, a record or a release, comes as a ``Refusal`` with its
    place and the reason, what could only be used in part is followed by a ``Remark``, and the rest goes on: nothing
    is raised. Each file comes before what stands in it.
    """
    for file in (file for path in paths for file in files_at(path)):
        yield file
        if isinstance(file, Path):
            for found in documents(file):
                yield from items(found) if isinstance(found, Document) else [found]


def _left_out(release: Release, tender: TenderFields) -> Iterator[Remark]:
    """Remarks on what stands in the place of an amount, a currency or a date, and can't be read for certain."""
    for path, known in (
        (paths.AMOUNT, tender["estimated_value"]),
        (paths.CURRENCY, tender["currency"]),
        (paths.DEADLINE, tender["deadline"]),
        (paths.PUBLISHED, None),
        (paths.RELEASED, release.released_at),
    ):
        if known is None and (value := path.unreadable(release.content)) is not None:
            text = value if isinstance(value, str) else written(value)
            yield Remark(release.place, f"{'.'.join(path.steps)} was left out", line(text, limit=_LONGEST_REMARK))
