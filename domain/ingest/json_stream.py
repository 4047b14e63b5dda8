"""JSON text that is read as far as it is needed: documents one after the other, and the elements of long arrays.

The standard library parses each value; ijson refuses what publishers write (raw line breaks inside texts, NaN, half a
surrogate pair), and would read a large file otherwise than a small one.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from pydantic import JsonValue

CHUNK = 1_000_000
LARGEST = 64_000_000
"""Characters of one value: about a release."""

WRAPPERS = (
    "data", "results", "result", "release", "record", "releasePackage", "recordPackage", "package", "content",
)  # fmt: skip
"""Keys under which tools hand on what they fetched."""
AROUND = {"releases", "records", *WRAPPERS}

_DEEPEST = 8

Steps: TypeAlias = tuple[str | int, ...]


class UnreadableError(Exception):
    """The bytes are no JSON; the message says why, in a few words."""


class JsonStream:
    """Values from a file, one after the other. Bytes that are not UTF-8 are read as Windows-1252, each for itself."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.repaired: bool = False
        """True once something was not UTF-8."""
        self._read = read
        self._bytes = b""
        self._text = ""
        self._at = 0
        self._is_empty = True
        self._line, self._column = 0, 0  # of where the text begins
        if self._more() and self._text.startswith("\ufeff"):
            self._at = 1

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            if blanks := _BLANKS.match(self._text, self._at):
                self._at = blanks.end()
            if self._at < len(self._text):
                self._is_empty = False
                return self._text[self._at]
            if not self._more():
                return ""

    def value(self) -> JsonValue:
        """The next value.

        Raises:
            UnreadableError: there is none.
        """
        opening = self.peek()
        while True:
            at = self._at
            try:
                value: JsonValue
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = error.pos >= len(self._text) - _LONGEST_WORD or error.msg.startswith("Unterminated string")
                if not (is_cut and self._more()):
                    raise self.unreadable(error.msg, self._at + error.pos - at, is_cut=is_cut) from None
                continue
            except RecursionError:
                raise UnreadableError("JSON nested too deep") from None
            # A number may go on in what follows.
            if opening in '{["' or end < len(self._text) - _LONGEST_WORD or not self._more():
                self._at += end - at
                return value

    def parts(self, steps: Steps = ()) -> Iterator[tuple[Steps, JsonValue]]:
        """The next value in parts, each with the way to it: a member of an object around releases, or one of them."""
        is_around = not steps or (steps[-1] in AROUND and len(steps) < _DEEPEST)
        if is_around and self.peek() == "[":
            for position, _ in enumerate(self._listed("[]")):
                yield (*steps, position), self.value()
        elif is_around and self.peek() == "{":
            for _ in self._listed("{}"):
                if self.peek() != '"':
                    raise self.unreadable("Expecting property name enclosed in double quotes")
                key = str(self.value())
                self._take(":")
                yield from self.parts((*steps, key))
        else:
            yield steps, self.value()

    def _listed(self, brackets: str) -> Iterator[None]:
        """Once before each element."""
        self._take(brackets[0])
        if self.peek() == brackets[1]:
            self._take(brackets[1])
            return
        while True:
            yield
            if self._take("," + brackets[1]) == brackets[1]:
                return

    def _take(self, expected: str) -> str:
        found = self.peek()
        if not found or found not in expected:
            raise self.unreadable(f"Expecting '{expected[0]}' delimiter", is_cut=not found)
        self._at += 1
        return found

    def _more(self) -> bool:
        """Read on, as much again as is here: a long value is not begun too often. False at the end."""
        gone = self._text[: self._at]
        lines = gone.count("\n")
        self._line += lines
        self._column = len(gone) - gone.rfind("\n") - 1 if lines else self._column + len(gone)
        self._text, self._at = self._text[self._at :], 0
        if len(self._text) > LARGEST:
            raise UnreadableError(f"a value of more than {LARGEST // 1_000_000} MB at line {self._line + 1}")
        while True:
            data = self._read(max(CHUNK, len(self._text)))
            if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not self._text:
                raise UnreadableError("UTF-16 text: save it as UTF-8")
            text = self._decoded(data)
            self._text += text
            if text or not data:
                return bool(text)

    def _decoded(self, data: bytes) -> str:
        given = self._bytes + data
        try:
            text, used = codecs.utf_8_decode(given, "strict", not data)
        except UnicodeDecodeError:
            self.repaired = True
            text, used = codecs.utf_8_decode(given, _REPAIR, not data)
        self._bytes = given[used:]
        return text

    def unreadable(self, message: str, position: int | None = None, *, is_cut: bool = False) -> UnreadableError:
        """The error for what stands at a position of the text, or here."""
        position = self._at if position is None else position
        before = self._text[:position]
        if self._is_empty:
            return UnreadableError("empty file")
        if is_cut and (position >= len(self._text.rstrip()) or message.startswith("Unterminated string")):
            return UnreadableError("incomplete JSON: it ends too early")
        lines = before.count("\n")
        column = position - before.rfind("\n") if lines else self._column + position + 1
        return UnreadableError(f"not JSON: {message} at line {self._line + lines + 1}, column {column}")


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("windows-1252", "replace"), error.end


def _exact_int(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits  # longer than Python converts


def _exact_float(digits: str) -> float | str:
    value = float(digits)
    try:
        return value if Decimal(repr(value)) == Decimal(digits) else digits
    except InvalidOperation:
        return digits  # an exponent beyond what Decimal holds


_REPAIR = "domain-windows-1252"
codecs.register_error(_REPAIR, _as_windows_1252)

# strict=False: a raw tab or line break inside a text is common and does no harm.
_DECODER = json.JSONDecoder(parse_float=_exact_float, parse_int=_exact_int, parse_constant=str, strict=False)
_BLANKS = re.compile(r"[ \t\r\n\x1e]+")  # RFC 7464 begins each document with a record separator
_LONGEST_WORD = 16  # of what is cut at the end: "-Infinity", "\\ud83d\\ude00", and the digits of a number
