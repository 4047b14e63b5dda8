"""The logins' rights on the owner's tables, and on the database around them, as statements: the least that works."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, text

from ..errors import ConfigurationError
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
_SCHEMA = text(
    "SELECT n.nspname FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid"
    " AND c.relname = 'organizations' AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = :owner)"
    " WHERE c.oid IS NOT NULL OR n.nspname = current_schema()"
    " ORDER BY c.oid IS NULL, n.nspname <> current_schema() LIMIT 1"
)
_OTHER_OWNER = text(
    "SELECT r.rolname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_roles r ON r.oid = c.relowner"
    " WHERE n.nspname = :schema AND c.relname = 'organizations' AND r.rolname <> :owner"
)
_OWNER_LACKS = text(
    "SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :owner"
    " AND has_schema_privilege(oid, (SELECT oid FROM pg_namespace WHERE nspname = :schema), 'CREATE'))"
)
_DEFAULTS = text(
    "SELECT DISTINCT CASE d.defaclobjtype WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END, n.nspname, r.rolname"
    " FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a"
    " LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace LEFT JOIN pg_roles r ON r.oid = a.grantee"
    " WHERE d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = :owner) AND d.defaclobjtype IN ('r', 'S')"
    " AND (a.grantee = 0 OR r.rolname = ANY (:logins)) ORDER BY 1, 2, 3"
)
_CURRENT = text(
    "SELECT current_database(), (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser"
)
# pg_stat_activity shows a login what its other sessions run, with the values in it.
_ACTIVITY = "pg_catalog.pg_stat_get_activity(integer), pg_catalog.pg_stat_get_backend_activity(integer)"


def schema_of(connection: Connection, owner: str) -> str:
    """The schema with the owner's tables; the first of the search path before there are any.

    Raises:
        ConfigurationError: the tables there belong to another login.
    """
    schema: str = connection.scalar(_SCHEMA, {"owner": owner}) or "public"
    other = connection.scalar(_OTHER_OWNER, {"owner": owner, "schema": schema})
    if other is not None:
        raise ConfigurationError(
            f"the tables belong to {other}, not to {owner}: let MIGRATION_DATABASE_URL name their owner,"
            f" or hand them over (REASSIGN OWNED BY {quoted(other)} TO {quoted(owner)})"
        )
    return schema


def surrounding_grants(connection: Connection, logins: Logins, schema: str) -> Iterator[str]:
    """Connecting and using the schema; creating nothing, in it or beside it."""
    database, is_superuser = connection.execute(_CURRENT).one()
    logged_in, named = ", ".join(map(quoted, logins.granted)), quoted(schema)
    if connection.scalar(_OWNER_LACKS, {"owner": logins.owner, "schema": schema}):
        yield f"GRANT USAGE, CREATE ON SCHEMA {named} TO {quoted(logins.owner)}"
    yield f"GRANT CONNECT ON DATABASE {quoted(database)} TO {logged_in}"
    yield f"GRANT USAGE ON SCHEMA {named} TO {logged_in}"
    yield f"REVOKE CREATE ON SCHEMA {named} FROM PUBLIC, {logged_in}"
    # A temporary table comes before one of the schema, and stays on the pooled connection for the next session.
    yield f"GRANT TEMPORARY ON DATABASE {quoted(database)} TO {quoted(logins.owner)}"
    yield f"REVOKE CREATE, TEMPORARY ON DATABASE {quoted(database)} FROM PUBLIC, {logged_in}"
    if is_superuser:
        allowed = ", ".join(["pg_monitor", *({quoted(logins.owner)} if logins.has_owner else ())])
        yield f"GRANT EXECUTE ON FUNCTION {_ACTIVITY} TO {allowed}"
        yield f"REVOKE EXECUTE ON FUNCTION {_ACTIVITY} FROM PUBLIC, {logged_in}"
    for kind, where, login in connection.execute(_DEFAULTS, {"owner": logins.owner, "logins": logins.granted}):
        # A new table gets its rights from the next run: by default a partition would get them, too.
        place = f" IN SCHEMA {quoted(where)}" if where else ""
        yield (
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(logins.owner)}{place}"
            f" REVOKE ALL ON {kind} FROM {quoted(login) if login else 'PUBLIC'}"
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
