"""Row level security, as text: what PostgreSQL itself lets a login read and write.

A policy compares with a setting that lasts for a transaction, by equality. Without the setting a comparison is
with NULL: no row is read, and a write is refused. Soft deletion is no part of it: a policy that hid deleted rows
would refuse the UPDATE that deletes one.
"""

import re
from collections.abc import Iterator
from typing import ClassVar

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql

from ..model.names import fitted
from .replaceable import Found, Replaceable, State
from .scope import ORGANIZATION_SETTING, Rule, scope

ISOLATION = "organization_isolation"  # the policy that every tenant table has
ACTOR_SETTING = "app.actor"
REQUEST_SETTING = "app.request_id"

IN_TRIGGER = "pg_trigger_depth() > 0"

# Policies TO PUBLIC, as the words of CREATE POLICY after the table's name.
_PRESENT = text(
    "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, p.polname, concat_ws(' ',"
    " CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END, 'FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT'"
    "  WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,"
    " 'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',"
    " 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')"
    " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polroles = '{0}'"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, p.polname"
)
# By any name: policies that somebody added go, too.
_DROP = """DO $do$ DECLARE policy text; BEGIN
  FOR policy IN SELECT quote_ident(polname) FROM pg_policy
    WHERE polrelid = '{table}'::regclass AND polroles = '{{0}}' LOOP
    EXECUTE 'DROP POLICY ' || policy || ' ON {table}';
  END LOOP; END $do$"""

_PREPARER = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]  # SQLAlchemy's constructor


def quoted(*identifiers: str) -> str:
    """The identifier, with its schema before it if given; quoted where PostgreSQL needs it."""
    return ".".join(_PREPARER.quote(identifier) for identifier in identifiers)


def text_setting(name: str) -> str:
    """The setting as an expression; NULL where it was never set, or forgotten at the end of a transaction."""
    return f"nullif(current_setting('{name}', true), '')"


NO_ORGANIZATION = f"{text_setting(ORGANIZATION_SETTING)} IS NULL"
"""The condition of the policy that opens a table to the system's login."""


def plain(words: str) -> str:
    """The words without casts, brackets and blanks, which PostgreSQL rewrites."""
    return re.sub(r"::\w+|[()\s]", "", words).lower()


class RowLevelSecurity(Replaceable):
    """The policies of a table for every login (TO PUBLIC), its owner included.

    They admit its organization's rows, and the row that a look-up names by a unique value; no system's record.
    """

    name: ClassVar[str] = "row level security"

    def wanted(self, table: Table) -> State:
        rules = scope(table)
        if rules is None:
            return {}
        return dict(map(_policy, rules)) or {"of_the_system": "FOR ALL USING (false)"}  # its own login opens it

    def create(self, table: str, state: State, dialect: str) -> Iterator[str]:
        if dialect == "postgresql":
            yield f"ALTER TABLE {quoted(table)} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
            for name, words in state.items():
                yield f"CREATE POLICY {quoted(name)} ON {quoted(table)} {words}"

    def drop(self, table: str, dialect: str) -> Iterator[str]:
        if dialect == "postgresql":
            yield _DROP.format(table=quoted(table).replace("'", "''"))
            yield f"ALTER TABLE {quoted(table)} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"

    def present(self, connection: Connection) -> dict[str, Found] | None:
        if connection.dialect.name != "postgresql":
            return None
        found: dict[str, tuple[dict[str, str], bool]] = {}
        for table, held, name, words in connection.execute(_PRESENT):
            state, _ = found.setdefault(table, ({}, bool(held)))
            if name is not None:
                state[name] = words
        return {table: Found(*pair) for table, pair in found.items()}

    def faults(self, found: Found, wanted: State) -> list[str]:
        # What an application does with a table of no organization is its own.
        return super().faults(found, wanted) if wanted or ISOLATION in found.state else []

    def plain(self, words: str) -> str:
        return plain(words)


def finding(column: str) -> str:
    """The name of the policy that admits the row that a look-up names."""
    return fitted(f"find_by_{column}")


def _policy(rule: Rule) -> tuple[str, str]:
    """A policy's name, and the words of CREATE POLICY after the table's."""
    if rule.in_trigger:
        return "written_by_triggers", f"FOR INSERT WITH CHECK ({IN_TRIGGER})"
    column, setting = quoted(rule.column), text_setting(rule.setting)
    if rule.setting == ORGANIZATION_SETTING:
        if rule.command == "INSERT":
            return "append_only", f"FOR INSERT WITH CHECK ({column} = {setting}::bigint)"
        return ISOLATION, f"FOR {rule.command} USING ({column} = {setting}::bigint)"
    if rule.command == "SELECT":
        return finding(rule.column), f"FOR SELECT USING ({column} = {setting})"
    return fitted(f"create_by_{rule.column}"), f"FOR INSERT WITH CHECK ({column} = {setting})"
