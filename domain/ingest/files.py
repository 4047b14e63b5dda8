"""Files and folders: which ones are read, and the JSON documents in them.

JSON Lines are told by their content: the first line is a whole JSON document and another line follows. Where
the name ends in .jsonl or .ndjson, any such line will do, so that a damaged first line costs no more than
itself. They are read line by line; any other file is read as a whole.
"""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydantic import JsonValue

from .exact_json import UnreadableError, parse
from .items import Refusal

LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
SUFFIXES = LINES_SUFFIXES | {".json"}


class Document(NamedTuple):
    """One JSON document and where it stands: ``notices.json`` or ``notices.jsonl:17``."""

    place: str
    value: JsonValue
    brackets: int
    """How many open in its text: it can't be nested deeper."""


def shown(path: Path) -> str:
    """The path as text that can be printed and stored, whatever bytes the name is made of."""
    return os.fsencode(path).decode("utf-8", "replace").replace("\n", "?").replace("\r", "?")


def files_at(path: Path) -> Iterator[Path | Refusal]:
    """The file itself, or the files in a folder."""
    return files_in(path) if os.path.isdir(path) else iter([path])


def files_in(folder: Path) -> Iterator[Path | Refusal]:
    """Every .json, .jsonl and .ndjson file below ``folder``, sorted; other files as skipped.

    Hidden files and folders (".git") are left out in silence; links to folders are not followed.
    """
    trouble: list[OSError] = []
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=trouble.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    if not found and not trouble:
        yield Refusal(shown(folder), "the folder holds no file")
    for error in trouble:
        yield Refusal(shown(Path(error.filename)), f"cannot be read: {error.strerror}")
    for path in sorted(found):
        if path.suffix.lower() not in SUFFIXES:
            yield Refusal(shown(path), "skipped: not a .json, .jsonl or .ndjson file", skipped=True)
        elif os.path.exists(path) and not os.path.isfile(path):  # these don't raise
            yield Refusal(shown(path), "skipped: not a regular file", skipped=True)
        else:
            yield path


def documents(path: Path) -> Iterator[Document | Refusal]:
    """The JSON documents in one file, whatever its name."""
    try:
        with path.open("rb") as file:
            yield from _documents(file, place=shown(path), named_lines=path.suffix.lower() in LINES_SUFFIXES)
    except OSError as error:
        yield Refusal(shown(path), f"cannot be read: {error.strerror or error}")


def _documents(file: BinaryIO, *, place: str, named_lines: bool) -> Iterator[Document | Refusal]:
    lines = ((number, data) for number, data in enumerate(file, start=1) if data.strip())
    head, are_lines = _opening(lines, named_lines=named_lines)
    if are_lines:
        for number, data in chain(head, lines):
            yield _document(data, place=f"{place}:{number}")
    else:
        yield _document(b"".join(data for _, data in head) + file.read(), place=place)


def _opening(lines: Iterator[tuple[int, bytes]], *, named_lines: bool) -> tuple[list[tuple[int, bytes]], bool]:
    """The numbered lines that had to be read to tell whether this is JSON Lines, and the answer."""
    head: list[tuple[int, bytes]] = []
    for number, data in lines:
        head.append((number, data))
        if named_lines and _is_whole(data):
            return head, True
        if not named_lines and len(head) == 2:
            return head, _is_whole(head[0][1])
    return head, False


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(parse(line), dict | list)
    except UnreadableError:
        return False


def _document(data: bytes, *, place: str) -> Document | Refusal:
    try:
        return Document(place, parse(data), data.count(b"{") + data.count(b"["))
    except UnreadableError as error:
        return Refusal(place, str(error))
