"""The functions that delete softly, as a PostgreSQL database has them."""

from sqlalchemy import Connection, text

from ..models.deletion_postgresql import PARAMETERS, SETTING, Deletable, found_in, function_name

# One that does not run as its caller, or has other settings, counts as missing.
_PRESENT = text(
    "SELECT c.relname, p.prosrc FROM pg_class c JOIN pg_proc p ON p.pronamespace = c.relnamespace"  # noqa: S608  # constants
    f" AND p.oid = to_regprocedure(quote_ident('{function_name('')}' || c.relname) || '({PARAMETERS})')"
    f" WHERE NOT p.prosecdef AND p.provolatile = 'v' AND p.proconfig = '{{{'='.join(SETTING)}}}'"
    " AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
)


def present_deletions(connection: Connection) -> dict[str, Deletable]:
    """What each table's is about; without those that are missing or altered."""
    found = {table: found_in(table, body) for table, body in connection.execute(_PRESENT)}
    return {table: of for table, of in found.items() if of is not None}
