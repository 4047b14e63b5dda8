"""Tenant tables: under row level security, their owner included, with policies that say what they should."""

from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, text

from ..database.audit import Trail, present_trails
from ..database.policies import Present, present_policies, say_the_same
from ..models import DomainModel
from ..models.audit_columns import audited
from ..models.policies import ISOLATION, Policy, policies, quoted
from ..models.tables import TENANT
from .findings import Finding, error

# Tables that no imported model describes: an application's own, when the package alone is at work.
_WITH_ORGANIZATION = text(
    "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = :column"
    " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
)
# Beyond those TO PUBLIC: what the application's login is let through by, as itself or as a member.
_OWN_POLICIES = text(
    "SELECT c.relname, p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
    " JOIN pg_roles r ON r.rolname = current_user AND NOT r.rolsuper"
    " WHERE p.polpermissive AND p.polroles <> '{0}' AND c.relnamespace = current_schema()::regnamespace"
    " AND EXISTS (SELECT FROM unnest(p.polroles) AS role WHERE pg_has_role(current_user, role, 'MEMBER')) ORDER BY 1, 2"
)


def check_tables(connection: Connection) -> Iterator[Finding]:
    """Every table of a known model, and every other one that names an organization."""
    present = present_policies(connection)
    trails = present_trails(connection)
    for table in DomainModel.metadata.sorted_tables:
        if table.name not in present:
            continue
        if wanted := policies(table):
            yield from _known(table, present[table.name], wanted)
        if trails[table.name] != Trail(audited(table)):
            yield error(f"the triggers of {table.name}'s audit trail are missing or altered", "run `domain db check`")
    for name in connection.scalars(_WITH_ORGANIZATION, {"column": TENANT}):
        if name not in DomainModel.metadata.tables:
            yield from _unknown(name, present[name])
    for name, policy in connection.execute(_OWN_POLICIES):
        yield error(
            f"the policy {policy} opens {name} to the application's login",
            f"DROP POLICY {quoted(policy)} ON {quoted(name)}; run `domain db roles`",
        )


def _known(table: Table, present: Present, wanted: Sequence[Policy]) -> Iterator[Finding]:
    yield from _not_held(table.name, present)
    yield from _compared(present, wanted)
    for policy in sorted({rule[0] for rule in present.rules} - {policy.name for policy in wanted}):
        yield error(
            f"the policy {policy} of {table.name} is none of its model's, and holds for everyone",
            f"DROP POLICY {quoted(policy)} ON {quoted(table.name)}",
        )


def _unknown(name: str, present: Present) -> Iterator[Finding]:
    yield from _not_held(name, present)
    yield from _compared(present, policies(Table(name, MetaData(), Column(TENANT, BigInteger))))
    for policy, _, condition in present.rules:
        if condition == "true" and policy != ISOLATION:
            drop = f"DROP POLICY {quoted(policy)} ON {quoted(name)}"
            yield error(f"the policy {policy} opens {name} to everyone", drop)


def _compared(present: Present, wanted: Sequence[Policy]) -> Iterator[Finding]:
    found = {rule[0]: rule for rule in present.rules}
    for policy in wanted:
        rule = found.get(policy.name)
        if rule is None:
            yield error(f"the table {policy.table} lacks its policy {policy.name}", policy.create())
        elif not say_the_same([rule], [(policy.name, policy.command, policy.condition)]):
            again = f"DROP POLICY {quoted(policy.name)} ON {quoted(policy.table)}; {policy.create()}"
            yield error(f"the policy {policy.name} of {policy.table} was altered", again)


def _not_held(name: str, present: Present) -> Iterator[Finding]:
    if not present.held:
        alter = f"ALTER TABLE {quoted(name)}"
        yield error(
            f"the table {name} is not under row level security, or its owner is not",
            f"{alter} ENABLE ROW LEVEL SECURITY; {alter} FORCE ROW LEVEL SECURITY",
        )
