"""Publishers' text, made fit for a database column: no control characters, no NUL, no lone surrogates."""

import html
import re

from pydantic import JsonValue

from ..kit.model.fields import max_length
from ..tenders.model import TenderContent

_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff"
_NO_TEXT = re.compile(f"[{_CONTROLS}]")
_NO_IDENTIFIER = re.compile(f"[{_CONTROLS}\t-\r\x1c-\x1f\x85]")
_NO_TEXT_NOR_LAYOUT = re.compile(f"[{_CONTROLS}\x0b\x0c\x1c-\x1f]")

# Every pattern below stops at the next "<": the time stays proportional to the length of the text.
_HIDDEN_START = re.compile(r"<!--|<(?:script|style)(?:\s[^<>]*)?>", re.IGNORECASE)
_HIDDEN_END = re.compile(r"-->|</(?:script|style)\s*>", re.IGNORECASE)
_LINE_END = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6]|ul|ol|table)\s*>", re.IGNORECASE)
# Python refuses to convert thousands of digits; no character has a number of more than seven.
_NO_CHARACTER = re.compile(r"&#[0-9]{9,};?")
_TAG = re.compile(r"</?[a-zA-Z][\w:-]*(?:\s[^<>]*)?/?>|<![^<>]*>|<\?[^<>]*>")
_LONGEST_URL = max_length(TenderContent, "url")
# Anything else (javascript:, file:, a bare host name) is no link to follow.
_WEB_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)


def line(value: str, *, limit: int | None = None) -> str:
    """``value`` in one line of at most ``limit`` characters, runs of white space collapsed."""
    if not value.isprintable():
        value = _NO_TEXT.sub("", value)
    return " ".join(value.split())[:limit].rstrip()


def identifier(value: str) -> str:
    """``value`` without control characters and outer blanks; inner blanks tell ids apart and stay."""
    return _NO_IDENTIFIER.sub("", value).strip()


def paragraphs(value: str) -> str:
    """``value`` as plain text: tags removed, entities unescaped, lines kept, one blank line at a time."""
    if value.isprintable() and "<" not in value and "&" not in value:
        return value.strip()
    visible, *rest = _HIDDEN_START.split(value)
    # What is never closed stays: losing the rest of the text would be worse.
    visible += "".join(_HIDDEN_END.split(part, maxsplit=1)[-1] for part in rest)
    plain = html.unescape(_NO_CHARACTER.sub("", _TAG.sub("", _LINE_END.sub("\n", visible))))
    plain = plain.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\xa0", " ")
    lines = [_NO_TEXT_NOR_LAYOUT.sub("", part).strip() for part in plain.split("\n")]
    kept = [part for part, before in zip(lines, ["", *lines], strict=False) if part or before]
    return "\n".join(kept).strip()


def web_url(value: JsonValue) -> str | None:
    """An http or https URL of at most 1000 characters, its blanks escaped; else None."""
    if not isinstance(value, str):
        return None
    url = line(value).replace(" ", "%20")
    return url if len(url) <= _LONGEST_URL and _WEB_URL.fullmatch(url) else None
