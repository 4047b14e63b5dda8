"""From paths to batches of releases that fit in memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import Dialect, make_url

from .amounts import VALUE, amount
from .files import files_at
from .items import Refusal, Release
from .reading import read_files
from .ready import Ready, ready
from .values import child

RELEASES = 1000
CHARACTERS = 2_000_000
"""Of JSON text; two batches are in memory at a time, and copies on their way."""


@dataclass(kw_only=True)
class Batch:
    """What was read since the batch before."""

    releases: list[Ready] = field(default_factory=list[Ready])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    files: int = 0
    read: int = 0
    """Releases, with those that were refused after reading."""


def batches(paths: Iterable[Path], *, dialect: str) -> Iterator[Batch]:
    """What stands in files and folders, at most 1000 releases or about 2 MB at a time, for a database's dialect."""
    limits = make_url(f"{dialect}://").get_dialect()()
    batch = Batch()
    size = 0
    for found in read_files(paths):
        if isinstance(found, Refusal):
            batch.refusals.append(found)
        elif isinstance(found, Path):
            batch.files += 1
        else:
            batch.read += 1
            if refusal := _too_large(found, limits):
                batch.refusals.append(refusal)
                continue
            batch.releases.append(release := ready(found))
            size += len(release.written)
            if len(batch.releases) >= RELEASES or size >= CHARACTERS:
                yield batch
                batch, size = Batch(), 0
    yield batch


def size_of(paths: Sequence[Path]) -> int:
    """Bytes of all the files; 0 for what can't be read."""
    files = (file for path in paths for file in files_at(path))
    return sum(os.path.getsize(file) for file in files if isinstance(file, Path) and os.path.isfile(file))


def _too_large(release: Release, dialect: Dialect) -> Refusal | None:
    """Seen before merging, release by release: what goes in must not depend on which others are at hand."""
    value = amount(child(release.content, "tender", "value", "amount"))
    try:
        VALUE.process_bind_param(value, dialect)
    except ValueError as error:
        return Refusal(release.place, str(error))
    return None
