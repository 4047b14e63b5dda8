"""The logins' rights on the database around the tables, as statements."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ..errors import ConfigurationError
from ..kit.schema.scope_postgresql import quoted
from .logins import Logins

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
