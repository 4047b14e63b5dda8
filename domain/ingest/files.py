"""Files and folders: which ones are read, and the JSON documents in them.

JSON Lines are told by their content: the first line is a whole JSON document and another line follows, or the name
ends in .jsonl or .ndjson. Where the name says so and the file as a whole is no JSON, any such line will do, so that a
damaged first line costs no more than itself. Any other file holds one document or several, one after the other: a
small one is read as a whole, a large one as a stream.
"""

import gzip
import os
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, cast

from pydantic import JsonValue

from .exact_json import parse, parsed
from .items import Refusal, Remark
from .json_stream import LARGEST, JsonStream, Steps, UnreadableError

STDIN = Path("-")
"""The path that stands for standard input."""
LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
SUFFIXES = LINES_SUFFIXES | {".json", ".gz"}
WHOLE = 8_000_000
"""Bytes of a file that is parsed at once: as objects they take several times the memory."""
REPAIRED = "bytes that are not UTF-8 were read as Windows-1252"

UNPACKED = 2_000_000_000
"""Bytes that any gzip may unpack to, and one of more than 20 MB to a hundred times its size."""
_TIMES = 100
_MAGIC = {
    b"PK": "a ZIP archive, not JSON: unpack it, and import what is in it",
    b"BZh": "compressed by bzip2, not JSON: unpack it, or pipe it: bzcat FILE | domain import -",
    b"\xfd7zXZ": "compressed by xz, not JSON: unpack it, or pipe it: xzcat FILE | domain import -",
    b"\x28\xb5\x2f\xfd": "compressed by zstd, not JSON: unpack it, or pipe it: zstdcat FILE | domain import -",
    b"7z\xbc\xaf": "a 7z archive, not JSON: unpack it, and import what is in it",
    b"Rar!": "a RAR archive, not JSON: unpack it, and import what is in it",
    b"<": "XML or HTML, not JSON: eForms notices are to be converted to OCDS first",
}
_TAR = "a tar archive, not JSON: unpack it, and import what is in it"


class Document(NamedTuple):
    """One JSON document, or a part of one, and where it stands: ``notices.json`` or ``notices.jsonl:17``."""

    place: str
    value: JsonValue
    start: int = 0
    """The position of the first element of its array of releases."""
    may_be_deep: bool = True
    """False where it has too few brackets to be nested deep."""


class Source:
    """The bytes of a file, unpacked where it is a gzip, and how much of them may come."""

    def __init__(self, file: BinaryIO) -> None:
        packed = file.seek(0, os.SEEK_END)
        file.seek(0)
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        self._file = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if is_packed else file
        self._limit = max(UNPACKED, _TIMES * packed) if is_packed else sys.maxsize

    def read(self, size: int, /) -> bytes:
        """The next bytes, none at the end."""
        return self._allowed(self._file.read(size))

    def lines(self, longest: int) -> Iterator[tuple[int, bytes]]:
        """The lines from the beginning, numbered from 1, without blanks around them and without empty ones."""
        self.rewind()
        number = 0
        while data := self._allowed(self._file.readline(longest + 1)):
            number += 1
            if len(data) > longest:
                raise UnreadableError(f"a line of more than {longest // 1_000_000} MB: line {number}")
            if data := data.strip(b" \t\r\n\x1e"):
                yield number, data

    def rewind(self) -> None:
        """Begin again."""
        self._file.seek(0)

    def _allowed(self, data: bytes) -> bytes:
        if self._limit < sys.maxsize and self._file.tell() > self._limit:
            raise UnreadableError(f"it unpacks to more than {self._limit // 1_000_000} MB: import it unpacked")
        return data


def shown(path: Path) -> str:
    """The path as text that can be printed and stored, whatever bytes the name is made of."""
    if path == STDIN:
        return "standard input"
    return os.fsencode(path).decode("utf-8", "replace").replace("\n", "?").replace("\r", "?")


def files_at(path: Path) -> Iterator[Path | Refusal]:
    """The file itself, or the files in a folder."""
    return files_in(path) if os.path.isdir(path) else iter([path])


def files_in(folder: Path) -> Iterator[Path | Refusal]:
    """Every .json, .jsonl, .ndjson and .gz file below ``folder``, sorted; other files as skipped.

    Hidden files and folders (".git") are left out in silence; links that lead out of the folder are not followed.
    """
    trouble: list[OSError] = []
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=trouble.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [Path(parent, name) for name in (*names, *links) if not name.startswith(".")]
    inside = os.path.realpath(folder)
    judged = [(path, _why_skipped(path, inside)) for path in sorted(found)]
    if not trouble and all(reason for _, reason in judged):
        yield Refusal(shown(folder), f"the folder holds no {'file that can be read' if judged else 'file'}")
    for error in trouble:
        yield Refusal(shown(Path(error.filename)), f"cannot be read: {error.strerror}")
    for path, reason in judged:
        yield Refusal(shown(path), f"skipped: {reason}", skipped=True) if reason else path


def _why_skipped(path: Path, inside: str) -> str | None:
    if path.suffix.lower() not in SUFFIXES:
        return "not a .json, .jsonl, .ndjson or .gz file"
    if os.path.exists(path) and not os.path.isfile(path):  # these don't raise
        return "not a regular file"
    if os.path.exists(path) and os.path.commonpath([os.path.realpath(path), inside]) != inside:
        return "a link that leads out of the folder"
    return None


def documents(path: Path) -> Iterator[Document | Refusal | Remark]:
    """The JSON documents in one file, whatever its name, or in standard input."""
    place = shown(path)
    try:
        with closing(_opened(path)) as file:
            named_lines = not LINES_SUFFIXES.isdisjoint(suffix.lower() for suffix in path.suffixes)
            yield from _documents(Source(file), place=place, named_lines=named_lines)
    except UnreadableError as error:
        yield Refusal(place, str(error))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Refusal(place, f"damaged gzip: {error}")
    except OSError as error:
        yield Refusal(place, f"cannot be read: {error.strerror or error}")


def _opened(path: Path) -> BinaryIO:
    """The file; a pipe is copied to a temporary one, since a document may have to be read twice."""
    file = sys.stdin.buffer if path == STDIN else path.open("rb")
    if file.seekable():
        return file
    with file:
        shutil.copyfileobj(file, copy := TemporaryFile())  # noqa: SIM115  # the caller closes it
    return copy


def _documents(source: Source, *, place: str, named_lines: bool) -> Iterator[Document | Refusal | Remark]:
    beginning = source.read(512)
    if reason := _other_format(beginning):
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


def _other_format(beginning: bytes) -> str | None:
    if beginning[257:262] == b"ustar":
        return _TAR
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((reason for magic, reason in _MAGIC.items() if text.startswith(magic)), None)


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
        return isinstance(parse(line), dict | list)
    except UnreadableError:
        return False


def _in_lines(source: Source, *, place: str) -> Iterator[Document | Refusal | Remark]:
    for number, data in source.lines(LARGEST):
        try:
            value, is_repaired = parsed(data)
        except UnreadableError as error:
            yield Refusal(f"{place}:{number}", str(error))
            continue
        if is_repaired:
            yield Remark(f"{place}:{number}", REPAIRED)
        yield Document(f"{place}:{number}", value, may_be_deep=data.count(b"{") + data.count(b"[") > 100)


def _as_one(source: Source, *, place: str) -> Iterator[Document | Refusal | Remark]:
    """One document or several: looked through first, so that a damaged file gives nothing but a refusal."""
    source.rewind()
    data = source.read(WHOLE + 1)
    if len(data) <= WHOLE:
        try:
            value, is_repaired = parsed(data)
        except UnreadableError:
            pass
        else:
            yield from [Remark(place, REPAIRED)] if is_repaired else []
            yield Document(place, value)
            return
    del data
    source.rewind()
    outlines, is_repaired = _outlines(JsonStream(source))
    source.rewind()
    yield from [Remark(place, REPAIRED)] if is_repaired else []
    stream = JsonStream(source)
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
            if not steps:
                pass
            elif isinstance(steps[-1], int):
                has_elements = True
            else:
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
