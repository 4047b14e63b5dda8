"""SQL as PostgreSQL shows it, put back into words that both databases understand."""

import re
from decimal import Decimal

_TYPE = r"(?:character varying|double precision|timestamp with(?:out)? time zone|\w+)(?:\(\d+(?:,\d+)?\))?(?:\[\])?"
_QUOTED_NUMBER = re.compile(r"'(-?[\d.]+)'(?=::(?:integer|bigint|numeric|double precision))")
_TOKEN = re.compile(rf"(?P<string>'(?:[^']|'')*')|(?P<cast>::{_TYPE})|(?P<number>\b\d[\d.]*(?:e[+-]?\d+)?\b)")
_ANY = re.compile(r"= ANY \(ARRAY\[(.*?)\]\)")
_IN_ONE = re.compile(r"IN \(([^,()]*)\)")


def portable(sql: str) -> str:
    """Without casts and arrays: ``status IN ('a', 'b')`` for ``status::text = ANY (ARRAY['a'::text, 'b'::text])``."""
    sql = _TOKEN.sub(_plain, _QUOTED_NUMBER.sub(r"\1", sql))
    return _IN_ONE.sub(r"= \1", _ANY.sub(r"IN (\1)", sql))


def _plain(token: re.Match[str]) -> str:
    if token["cast"]:
        return ""
    return f"{Decimal(token['number']).normalize():f}" if token["number"] else token[0]
