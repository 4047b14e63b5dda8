"""Views and functions that reach tenant tables with another's rights than the application's."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ..kit.model import DomainModel
from ..kit.schema.scope_postgresql import quoted
from ..kit.schema.search_index import own_search
from .findings import Finding, error, warning

# A view with its owner's rights lends them to the views that it reads through, too: hence the whole chain.
_VIEWS = text(
    "WITH RECURSIVE reads AS ("
    "  SELECT DISTINCT r.ev_class AS view, d.refobjid AS relation FROM pg_rewrite r"
    "  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
    "  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class),"
    " reaching(view) AS (SELECT view FROM reads JOIN pg_class t ON t.oid = relation WHERE t.relrowsecurity"
    "  UNION SELECT reads.view FROM reads JOIN reaching ON reads.relation = reaching.view)"
    " SELECT n.nspname, v.relname, v.relkind = 'm' AS is_stored,"
    "  has_any_column_privilege(v.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(v.oid, 'DELETE') AS is_granted"
    " FROM reaching JOIN pg_class v ON v.oid = reaching.view JOIN pg_namespace n ON n.oid = v.relnamespace"
    " WHERE v.relkind = 'm' OR (v.relkind = 'v' AND v.relowner <> current_user::regrole AND NOT EXISTS ("
    "  SELECT FROM pg_options_to_table(v.reloptions) WHERE option_name = 'security_invoker' AND option_value::bool))"
    " ORDER BY 1, 2"
)
_FUNCTIONS = text(
    "SELECT p.oid::regprocedure::text AS name, o.rolname AS owner FROM pg_proc p"
    " JOIN pg_roles o ON o.oid = p.proowner JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE p.prosecdef AND o.rolname <> current_user AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)"
    " AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1"
)


def check_views(connection: Connection) -> Iterator[Finding]:
    """An error where the application's login may use it, a warning where it may not."""
    for schema, view, is_stored, is_granted in connection.execute(_VIEWS):
        name = quoted(schema, view)
        kind = "the materialized view" if is_stored else "the view"
        remedy = f"ALTER VIEW {name} SET (security_invoker = true)"
        if is_stored:
            remedy = f"it can't be made safe: REVOKE ALL ON {name} FROM the application's login, and from PUBLIC"
        found = error if is_granted else warning
        yield found(f"{kind} {name} reads tenant tables with its owner's rights, past row level security", remedy)


def check_functions(connection: Connection) -> Iterator[Finding]:
    """SECURITY DEFINER: what such a function reads is up to its author."""
    ours = {f"{quoted(own_search(table))}(text)" for table in DomainModel.metadata.tables}
    for name, owner in connection.execute(_FUNCTIONS):
        if name in ours:  # compared with what its table should have
            continue
        yield warning(
            f"the function {name} runs with the rights of {owner}, and the application's login may call it",
            f"ALTER FUNCTION {name} SECURITY INVOKER, or REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC",
        )
