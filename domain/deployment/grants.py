"""The logins' rights on the owner's tables, as statements: the least that works."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, text

from ..kit.schema.audit_columns import ENTRIES
from ..kit.schema.scope_postgresql import NO_ORGANIZATION, plain, quoted
from .logins import Logins

SYSTEM_POLICY = "system_access"
OWNER_POLICY = "owner_access"
RECORDS = ("system_access", "purge_records")  # of the system's login alone, and written once

_RELATIONS = text(
    "SELECT c.relname AS name, c.relkind = 'S' AS is_sequence,"
    " c.relkind IN ('r', 'p') AND NOT c.relispartition AS is_table, c.relrowsecurity AS secured,"
    " c.relkind = 'v' AND EXISTS (SELECT FROM pg_options_to_table(c.reloptions)"
    "  WHERE option_name = 'security_invoker' AND option_value::bool) AS is_safe_view,"
    " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'is_deleted') AS soft,"
    " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'version_num') AS is_version"
    " FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace = :schema"
    " AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = :owner) ORDER BY c.relname"
)
_IS_OWNER = text("SELECT pg_has_role(CAST(:owner AS name), 'USAGE')")
_OPENING = text(
    "SELECT polpermissive AND polcmd = '*' AND polwithcheck IS NULL"
    " AND polroles = ARRAY(SELECT oid FROM pg_roles WHERE rolname = :role), pg_get_expr(polqual, polrelid)"
    " FROM pg_policy WHERE polrelid = CAST(:relation AS regclass) AND polname = :policy"
)


def relation_grants(connection: Connection, logins: Logins, schema: str) -> Iterator[str]:
    """Rights and policies; nothing but what is missing or may be too much is changed."""
    oid = connection.scalar(text("SELECT oid FROM pg_namespace WHERE nspname = :name"), {"name": schema})
    everyone = ", ".join(["PUBLIC", *map(quoted, logins.granted)])
    relations = connection.execute(_RELATIONS, {"owner": logins.owner, "schema": oid}).all()
    if relations and not connection.scalar(_IS_OWNER, {"owner": logins.owner}):
        yield f"-- the rights on its tables are {quoted(logins.owner)}'s to give: run it again without --admin-url"
        return
    for relation in relations:
        name = quoted(schema, relation.name)
        yield f"REVOKE ALL ON {'SEQUENCE ' if relation.is_sequence else ''}{name} FROM {everyone}"
        for login in logins.granted:
            if rights := _rights(relation, is_system=login == logins.system):
                yield f"GRANT {rights} ON {name} TO {quoted(login)}"
        if relation.is_table and relation.secured:
            if logins.system:
                yield from _open_to(connection, name, SYSTEM_POLICY, logins.system, NO_ORGANIZATION)
            if logins.has_owner:
                yield from _open_to(connection, name, OWNER_POLICY, logins.owner, "true")


def _rights(relation: Row[Any], *, is_system: bool) -> str:
    """Nothing on partitions and on views with their owner's rights: both go round row level security."""
    if relation.is_safe_view or (relation.is_table and relation.is_version):
        return "SELECT"
    if not relation.is_table:
        return ""
    if relation.name in RECORDS:
        # UPDATE of the rest would let the record be rewritten; these are what erasing a person reaches.
        return "SELECT, INSERT, UPDATE (actor, updated_at, version)" if is_system else ""
    if relation.name == ENTRIES:
        # Its triggers write it, as its owner. To erase a person is the system's.
        return "SELECT, UPDATE, DELETE" if is_system else "SELECT"
    # What is deleted softly is removed by the system's login alone.
    return "SELECT, INSERT, UPDATE" + (", DELETE" if is_system or not relation.soft else "")


def _open_to(connection: Connection, relation: str, policy: str, role: str, condition: str) -> Iterator[str]:
    """One that stands is left alone: replacing it would lock the table against its readers."""
    found = connection.execute(_OPENING, {"relation": relation, "policy": policy, "role": role}).one_or_none()
    if found is not None:
        is_whole, words = found
        if is_whole and plain(words) == plain(condition):
            return
        yield f"DROP POLICY {policy} ON {relation}"
    yield f"CREATE POLICY {policy} ON {relation} TO {quoted(role)} USING ({condition})"
