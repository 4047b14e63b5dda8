"""Reading OCDS files: from a path to a stream of releases."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from .documents import Document, documents
from .files import files_at
from .items import Item
from .shapes import items


def read_files(paths: Iterable[Path]) -> Iterator[Path | Item]:
    """The releases in files, and in every .json, .jsonl and .ndjson file below folders, in sorted order.

    Release packages, record packages, bare releases and bare records, lists of them, JSON Lines of any of them, and
    gzips of these. Large files are streamed.

    What can't be used, be it a path, a file, a line, a record or a release, comes as a ``Refusal`` with its
    place and the reason, what could only be used in part is followed by a ``Remark``, and the rest goes on: nothing
    is raised. Each file comes before what stands in it.
    """
    for path in paths:
        for file in files_at(path):
            yield file
            if isinstance(file, Path):
                for found in documents(file):
                    yield from items(found) if isinstance(found, Document) else [found]
