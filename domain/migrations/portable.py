"""SQL as PostgreSQL shows it, put back into words that both databases understand."""

import re

_TYPE = r"(?:character varying|double precision|timestamp with(?:out)? time zone|\w+)(?:\(\d+(?:,\d+)?\))?(?:\[\])?"
_NUMBER = re.compile(r"'(-?[\d.]+)'(?=::(?:integer|bigint|numeric|double precision))")
_STRING_OR_CAST = re.compile(rf"('(?:[^']|'')*')|::{_TYPE}")
_ANY = re.compile(r"= ANY \(ARRAY\[(.*?)\]\)")
_IN_ONE = re.compile(r"IN \(([^,()]*)\)")


def portable(sql: str) -> str:
    """Without casts and arrays: ``status IN ('a', 'b')`` for ``status::text = ANY (ARRAY['a'::text, 'b'::text])``."""
    sql = _NUMBER.sub(r"\1", sql)
    sql = _STRING_OR_CAST.sub(lambda found: found[1] or "", sql)
    return _IN_ONE.sub(r"= \1", _ANY.sub(r"IN (\1)", sql))
