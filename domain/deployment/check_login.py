"""The application's login: whether row level security holds it, and whether injected SQL could become another."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ..kit.model import DomainModel
from ..kit.model.searching import SEARCHED
from ..kit.schema.scope import scope
from ..kit.schema.scope_postgresql import quoted
from .findings import Finding, error, some, warning

_REMEDY = "let DATABASE_URL name a login of the application's own, then run `domain db roles`"
_ROLE = text(
    "SELECT rolname AS name, rolsuper, rolbypassrls, rolcreaterole, rolreplication,"
    " ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid ORDER BY 1) AS memberships"
    " FROM pg_roles r WHERE rolname = current_user"
)
_POWERS = {
    "rolsuper": "is a superuser: row level security does not hold it",
    "rolbypassrls": "has BYPASSRLS: row level security does not hold it",
    "rolcreaterole": "may create roles, and so become another",
    "rolreplication": "has REPLICATION: it may copy the whole server",
}
_OWNED = text(
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relowner = current_user::regrole"
    " AND relnamespace = current_schema()::regnamespace AND NOT relispartition ORDER BY 1"
)
_SETTING = text("SELECT nullif(current_setting(:name, true), '')")


def check_login(connection: Connection) -> Iterator[Finding]:
    """Errors; owning the tables is a warning, since one login for everything is a deployment that works."""
    role = connection.execute(_ROLE).one()
    powers = [what for attribute, what in _POWERS.items() if getattr(role, attribute)]
    for what in powers[:1] if role.rolsuper else powers:
        yield error(f"the application's login {role.name} {what}", _REMEDY)
    for membership in role.memberships:
        yield error(
            f"the application's login {role.name} is a member of {membership}: injected SQL may SET ROLE to it",
            f"REVOKE {membership} FROM {quoted(role.name)}, or run `domain db roles`",
        )
    known = DomainModel.metadata.tables
    if owned := connection.scalars(_OWNED).all():
        yield warning(
            f"the application's login {role.name} owns {some(owned)}: injected SQL may drop their policies",
            "let MIGRATION_DATABASE_URL name the owner, and DATABASE_URL a login that owns nothing;"
            " then run `domain db roles`",
        )
        if searched := [name for name in owned if name in known and known[name].info.get(SEARCHED)]:
            yield warning(
                f"{role.name} owns {some(searched)}: no index serves a search there, which reads all of an"
                " organization's rows",
                "let MIGRATION_DATABASE_URL name the owner; then run `domain db roles`",
            )
    for name in sorted({rule.setting for table in DomainModel.metadata.tables.values() for rule in scope(table) or ()}):
        connection.execute(text(f"SET LOCAL {name} TO DEFAULT"))  # not what our own BEGIN has set
        if connection.scalar(_SETTING, {"name": name}) is not None:
            yield error(
                f"{name} has a value before any session sets it: what is bound to no organization reads its rows",
                f"ALTER ROLE {quoted(role.name)} RESET {name}; ALTER DATABASE ... RESET {name}",
            )
