"""Row level security, as text: what PostgreSQL itself lets a login read and write.

A policy compares with a setting that lasts for a transaction, by equality. Without the setting a comparison is
with NULL: no row is read, and a write is refused. Soft deletion is no part of it: a policy that hid deleted rows
would refuse the UPDATE that deletes one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from .tables import owner_column

ORGANIZATION_SETTING = "app.organization_id"
ISOLATION = "organization_isolation"  # the policy that every tenant table has
SLUG_SETTING = "app.organization_slug"
EMAIL_SETTING = "app.login_email"
ACTOR_SETTING = "app.actor"
REQUEST_SETTING = "app.request_id"

IN_TRIGGER = "pg_trigger_depth() > 0"

_PREPARER = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]  # SQLAlchemy's constructor


def quoted(*identifiers: str) -> str:
    """The identifier, with its schema before it if given; quoted where PostgreSQL needs it."""
    return ".".join(_PREPARER.quote(identifier) for identifier in identifiers)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy of one table, for every login (TO PUBLIC)."""

    table: str
    name: str
    command: str
    condition: str

    def create(self) -> str:
        """The statement that makes it."""
        clause = "WITH CHECK" if self.command.endswith("INSERT") else "USING"
        kind, _, command = self.command.rpartition(" ")  # one made by hand may be RESTRICTIVE
        where = f"{quoted(self.table)}{kind and f' AS {kind}'}"
        return f"CREATE POLICY {quoted(self.name)} ON {where} FOR {command} {clause} ({self.condition})"


def text_setting(name: str) -> str:
    """The setting as an expression; NULL where it was never set, or forgotten at the end of a transaction."""
    return f"nullif(current_setting('{name}', true), '')"


def policies(table: Table) -> Sequence[Policy]:
    """The policies of a table: its organization's rows, and the rows that a lookup names by a unique value."""
    owner = owner_column(table)
    if owner is None:
        return ()
    recorded = bool(table.info.get("written_by_triggers"))
    command = "SELECT" if recorded else "ALL"
    found = [_policy(table, ISOLATION, command, owner, f"{text_setting(ORGANIZATION_SETTING)}::bigint")]
    if recorded:
        found.append(Policy(table=table.name, name="written_by_triggers", command="INSERT", condition=IN_TRIGGER))
    for column, setting in table.info.get("lookups", {}).items():
        found.append(_policy(table, f"find_by_{column}", "SELECT", column, text_setting(setting)))
    for column, setting in table.info.get("creations", {}).items():
        found.append(_policy(table, f"create_by_{column}", "INSERT", column, text_setting(setting)))
    return found


def _policy(table: Table, name: str, command: str, column: str, value: str) -> Policy:
    return Policy(table=table.name, name=name, command=command, condition=f"{quoted(column)} = {value}")


def enable(table: str, wanted: Sequence[Policy]) -> Iterator[str]:
    """The statements that put a table under row level security, its owner included."""
    yield f"ALTER TABLE {quoted(table)} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {quoted(table)} FORCE ROW LEVEL SECURITY"
    for policy in wanted:
        yield policy.create()


def created(table: Table, dialect: str) -> Iterator[str]:
    """What ``create_all`` executes for a new table."""
    if dialect == "postgresql" and (wanted := policies(table)):
        yield from enable(table.name, wanted)
