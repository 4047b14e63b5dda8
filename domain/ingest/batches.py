"""From paths to batches of releases that fit in memory."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from sqlalchemy.engine import Dialect

from ..models import Tender
from ..models.types import Money
from .amounts import amount
from .files import files_in
from .items import Refusal, Release
from .reading import read
from .tally import Tally
from .values import child

RELEASES = 500
CHARACTERS = 4_000_000
"""Of JSON text: some 30 MB as objects."""

_VALUE = cast(Money, Tender.__table__.c.estimated_value.type)


def batches(paths: Sequence[Path], *, tally: Tally, dialect: Dialect) -> Iterator[list[Release]]:
    """The releases in files and folders, at most 500 or about 4 MB at a time; the tally gets what is refused."""
    batch: list[Release] = []
    size = 0
    for release in _releases(paths, tally=tally, dialect=dialect):
        batch.append(release)
        size += len(json.dumps(release.content))
        if len(batch) >= RELEASES or size >= CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _releases(paths: Iterable[Path], *, tally: Tally, dialect: Dialect) -> Iterator[Release]:
    for file in _files(paths, tally=tally):
        for item in read(file):
            if isinstance(item, Refusal):
                tally.refuse(item)
                continue
            tally.summary.releases += 1
            if refusal := _too_large(item, dialect):
                tally.refuse(refusal)
            else:
                yield item


def _files(paths: Iterable[Path], *, tally: Tally) -> Iterator[Path]:
    for path in paths:
        for found in files_in(path) if os.path.isdir(path) else [path]:
            if isinstance(found, Refusal):
                tally.refuse(found)
            else:
                tally.summary.files += 1
                yield found


def _too_large(release: Release, dialect: Dialect) -> Refusal | None:
    """Seen before merging, release by release: what goes in must not depend on which others are at hand."""
    value = amount(child(release.content, "tender", "value", "amount"))
    try:
        _VALUE.process_bind_param(value, dialect)
    except ValueError as error:
        return Refusal(release.place, str(error))
    return None
