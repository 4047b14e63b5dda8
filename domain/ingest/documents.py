"""The JSON documents in one file.

JSON Lines are told by their content: the first line is a whole JSON document and another line follows, or the name
ends in .jsonl or .ndjson. Where the name says so and the file as a whole is no JSON, any such line will do, so that a
damaged first line costs no more than itself. Any other file holds one document or several, one after the other: a
small one is read as a whole, a large one as a stream.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, cast

from pydantic import JsonValue

from .exact_json import parsed
from .files import LINES_SUFFIXES, shown
from .items import Refusal, Remark
from .json_stream import LARGEST, JsonStream, Steps, UnreadableError
from .source import Source, opened, other_format

WHOLE = 8_000_000
"""Bytes of a file that is parsed at once: as objects they take several times the memory."""
REPAIRED = "bytes that are not UTF-8 were read as Windows-1252"


class Document(NamedTuple):
    """One JSON document, or a part of one, and where it stands: ``notices.json`` or ``notices.jsonl:17``."""

    place: str
    value: JsonValue
    start: int = 0
    """The position of the first element of its array of releases."""
    may_be_deep: bool = True
    """False where it has too few brackets to be nested deep."""


def documents(path: Path) -> Iterator[Document | Refusal | Remark]:
    """The JSON documents in one file, whatever its name, or in standard input."""
    place = shown(path)
    try:
        with closing(opened(path)) as file:
            named_lines = not LINES_SUFFIXES.isdisjoint(suffix.lower() for suffix in path.suffixes)
            yield from _documents(Source(file), place=place, named_lines=named_lines)
    except UnreadableError as error:
        yield Refusal(place, str(error))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Refusal(place, f"damaged gzip: {error}")
    except OSError as error:
        yield Refusal(place, f"cannot be read: {error.strerror or error}")


def _documents(source: Source, *, place: str, named_lines: bool) -> Iterator[Document | Refusal | Remark]:
    beginning = source.read(512)
    if reason := other_format(beginning):
        raise UnreadableError(reason)
    if _begins_with_a_whole_line(source, alone=named_lines):
        yield from _in_lines(source, place=place)
        return
    try:
        yield from _as_one(source, place=place)
    except UnreadableError:
        if not (named_lines and any(_is_whole(data) for _, data in source.lines(LARGEST))):
            raise
        yield from _in_lines(source, place=place)


def _begins_with_a_whole_line(source: Source, *, alone: bool) -> bool:
    """True if the first line is a JSON document, and another line follows, or it may be ``alone``."""
    lines = source.lines(WHOLE)
    try:
        (_, head), following = next(lines, (0, b"")), None if alone else next(lines, None)
    except UnreadableError:
        return False
    return (alone or following is not None) and _is_whole(head)


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(parsed(line)[0], dict | list)
    except UnreadableError:
        return False


def _in_lines(source: Source, *, place: str) -> Iterator[Document | Refusal | Remark]:
    for number, data in source.lines(LARGEST):
        try:
            yield from _parsed(data, place=f"{place}:{number}")
        except UnreadableError as error:
            yield Refusal(f"{place}:{number}", str(error))


def _parsed(data: bytes, *, place: str) -> Iterator[Document | Remark]:
    value, is_repaired = parsed(data)
    if is_repaired:
        yield Remark(place, REPAIRED)
    yield Document(place, value, may_be_deep=data.count(b"{") + data.count(b"[") > 100)


def _as_one(source: Source, *, place: str) -> Iterator[Document | Refusal | Remark]:
    """One document or several: looked through first, so that a damaged file gives nothing but a refusal."""
    source.rewind()
    data = source.read(WHOLE + 1)
    if len(data) <= WHOLE:
        with suppress(UnreadableError):  # several documents, or damaged: the stream tells
            yield from _parsed(data, place=place)
            return
    del data
    source.rewind()
    outlines, is_repaired = _outlines(JsonStream(source.read))
    source.rewind()
    if is_repaired:
        yield Remark(place, REPAIRED)
    stream = JsonStream(source.read)
    for position, outline in enumerate(outlines):
        where = place if len(outlines) == 1 else f"{place} [{position}]"
        if outline is None:
            yield Document(where, stream.value())
        else:
            for steps, value in stream.parts():
                if isinstance(start := steps[-1], int):
                    yield Document(where, _nested(outline, steps[:-1], [value]), start=start)


def _outlines(stream: JsonStream) -> tuple[list[JsonValue], bool]:
    """Each document without its arrays of releases; None for one that is to be read as a whole."""
    found: list[JsonValue] = []
    while stream.peek() or not found:
        outline: dict[str, JsonValue] = {}
        has_elements = False
        for steps, value in stream.parts():
            if steps and isinstance(steps[-1], int):
                has_elements = True
            elif steps:
                outline = cast("dict[str, JsonValue]", _nested(outline, steps, value))
        is_around = has_elements and outline.keys().isdisjoint(("ocid", "compiledRelease", "versionedRelease"))
        found.append(outline if is_around else None)
    return found, stream.repaired


def _nested(outline: JsonValue, steps: Steps, value: JsonValue) -> JsonValue:
    """``outline`` with a value at these steps."""
    if not steps:
        return value
    known = outline if isinstance(outline, dict) else {}
    key = str(steps[0])
    return {**known, key: _nested(known.get(key), steps[1:], value)}
