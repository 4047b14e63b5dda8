"""Reading OCDS files: from a path to a stream of releases."""

import os
from collections.abc import Iterator
from pathlib import Path

from .files import Found, documents, files_in
from .items import Item, Refusal
from .shapes import items


def read(path: str | os.PathLike[str]) -> Iterator[Item]:
    """The releases in a file, or in every .json, .jsonl and .ndjson file below a folder, in sorted order.

    Release packages, record packages, bare releases and bare records, lists of them, and JSON Lines of any of
    them. JSON Lines are streamed; any other file is held in memory as a whole while it is read.

    What can't be used, be it a path, a file, a line, a record or a release, comes as a ``Refusal`` with its
    place and the reason, and the rest goes on: nothing is raised.
    """
    root = Path(path)
    for found in files_in(root) if os.path.isdir(root) else [root]:
        if isinstance(found, Refusal):
            yield found
            continue
        for document in documents(found):
            yield from _items(document)


def _items(found: Found) -> Iterator[Item]:
    if isinstance(found, Refusal):
        yield found
    else:
        yield from items(found)
