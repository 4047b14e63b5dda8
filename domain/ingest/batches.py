"""From paths to batches of releases that fit in memory, prepared for storing."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue
from sqlalchemy.engine import Dialect, make_url

from . import paths
from .amounts import VALUE, amount
from .exact_json import digest, parsed, written
from .files import files_at
from .items import Refusal, Release, Remark
from .mapping import TenderFields, merge
from .package import joined
from .reading import read_files
from .text import line
from .values import child

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
    read: int = 0
    """Releases, with those that were refused after reading."""


def batches(files: Iterable[Path], *, dialect: str) -> Iterator[Batch]:
    """Read files and folders, at most 1000 releases or about 2 MB at a time, for a database's dialect."""
    limits = make_url(f"{dialect}://").get_dialect()()
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
            batch.read += 1
            if refusal := _too_large(found, limits):
                batch.refusals.append(refusal)
                continue
            batch.releases.append(release := prepare(found))
            batch.remarks += _left_out(found, release.tender)
            size += len(release.written)
            if len(batch.releases) >= RELEASES or size >= CHARACTERS:
                yield batch
                batch, size = Batch(), 0
    yield batch


def size_of(files: Sequence[Path]) -> int:
    """Bytes of all the files; 0 where one of them is a pipe, or can't be read."""
    if not all(os.path.isfile(path) or os.path.isdir(path) for path in files):
        return 0
    found = (file for path in files for file in files_at(path))
    return sum(os.path.getsize(file) for file in found if isinstance(file, Path) and os.path.isfile(file))


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
            text = value if isinstance(value, str) else written({"": value})[4:-1]
            yield Remark(release.place, f"{'.'.join(path.steps)} was left out", line(text, limit=_LONGEST_REMARK))


def _too_large(release: Release, dialect: Dialect) -> Refusal | None:
    """Seen before merging, release by release: what goes in must not depend on which others are at hand."""
    value = amount(child(release.content, "tender", "value", "amount"))
    try:
        VALUE.process_bind_param(value, dialect)
    except ValueError as error:
        return Refusal(release.place, str(error))
    return None
