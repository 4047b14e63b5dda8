"""The bytes of a file or of standard input, unpacked, and as many as may come."""

import gzip
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from .files import STDIN
from .json_stream import UnreadableError

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
        found = iter(lambda: self._allowed(self._file.readline(longest + 1)), b"")
        for number, data in enumerate(found, start=1):
            if len(data) > longest:
                raise UnreadableError(f"a line of more than {longest // 1_000_000} MB: line {number}")
            if stripped := data.strip(b" \t\r\n\x1e"):
                yield number, stripped

    def rewind(self) -> None:
        """Begin again."""
        self._file.seek(0)

    def _allowed(self, data: bytes) -> bytes:
        if self._limit < sys.maxsize and self._file.tell() > self._limit:
            raise UnreadableError(f"it unpacks to more than {self._limit // 1_000_000} MB: import it unpacked")
        return data


def opened(path: Path) -> BinaryIO:
    """The file; a pipe is copied to a temporary one, since a document may have to be read twice."""
    file = sys.stdin.buffer if path == STDIN else path.open("rb")
    if file.closed:
        raise UnreadableError("it was read already")
    if file.seekable():
        return file
    with file:
        shutil.copyfileobj(file, copy := TemporaryFile())  # noqa: SIM115  # the caller closes it
    return copy


def other_format(beginning: bytes) -> str | None:
    """The reason why bytes that begin so are no JSON, or None."""
    if beginning[257:262] == b"ustar":
        return _TAR
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((reason for magic, reason in _MAGIC.items() if text.startswith(magic)), None)
