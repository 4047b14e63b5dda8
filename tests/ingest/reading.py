"""The releases of one path, for tests of what is read."""

from collections.abc import Iterator
from pathlib import Path

from domain.ingest.batches import read_files
from domain.ingest.items import Item


def read(path: Path) -> Iterator[Item]:
    """What stands in a file, or in the files below a folder."""
    return (found for found in read_files([path]) if not isinstance(found, Path))
