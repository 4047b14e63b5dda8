"""The policies that a PostgreSQL database has, and whether they say what they should."""

import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection, text

Rule: TypeAlias = tuple[str, str, str]  # name, command, condition

_PRESENT = text(
    "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS held, p.polname AS name,"
    " CASE WHEN p.polpermissive THEN '' ELSE 'RESTRICTIVE ' END || CASE p.polcmd WHEN 'r' THEN 'SELECT'"
    "  WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,"
    " pg_get_expr(p.polqual, p.polrelid) AS reads, pg_get_expr(p.polwithcheck, p.polrelid) AS writes"
    " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polroles = '{0}'"  # those TO PUBLIC
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, p.polname"
)


class Present(NamedTuple):
    """A table's row level security: whether it holds everyone (ENABLE and FORCE), and the policies TO PUBLIC."""

    held: bool
    rules: list[Rule]


def present_policies(connection: Connection) -> dict[str, Present]:
    """Every table of the current schema, by name."""
    found: dict[str, Present] = {}
    for table, held, name, command, reads, writes in connection.execute(_PRESENT):
        present = found.setdefault(table, Present(bool(held), []))
        if name is not None:
            present.rules.append((name, command, _condition(reads, writes)))
    return found


def say_the_same(rules: Iterable[Rule], others: Iterable[Rule]) -> bool:
    """Whether two sets of policies are one, however PostgreSQL writes them down."""
    return _said(rules) == _said(others)


def _condition(reads: str | None, writes: str | None) -> str:
    if reads is None or writes is None or _bare(reads) == _bare(writes):
        return reads or writes or ""
    return f"{reads}) WITH CHECK ({writes}"  # what CREATE POLICY has between the outer brackets


def _said(rules: Iterable[Rule]) -> set[Rule]:
    return {(name, command, _bare(condition)) for name, command, condition in rules}


def _bare(condition: str) -> str:
    """A condition without casts, brackets and blanks, which PostgreSQL writes in its own way."""
    return re.sub(r"::\w+|[()\s]", "", condition).lower()
