"""Checks of what stands beside tables: row level security, its owner included, audit triggers and indexes."""

from collections.abc import Iterator

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, text

from ..kit.model import DomainModel
from ..kit.model.tables import ORGANIZATION_ID
from ..kit.schema.beside import faults
from ..kit.schema.invalid_indexes import invalid_indexes
from ..kit.schema.replaceable import Found
from ..kit.schema.scope_postgresql import ISOLATION, RowLevelSecurity, quoted
from .findings import Finding, error, warning

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
    known = DomainModel.metadata.tables
    for kind, table, said in faults(connection, known.values()):
        yield error(said, "; ".join(kind.replace(table.name, kind.wanted(table), "postgresql")))
    policies = RowLevelSecurity()
    present = policies.present(connection) or {}
    for name in connection.scalars(_WITH_ORGANIZATION, {"column": ORGANIZATION_ID}):
        if name not in known:
            yield from _unknown(policies, name, present[name])
    for name, policy in connection.execute(_OWN_POLICIES):
        yield error(
            f"the policy {policy} opens {name} to the application's login",
            f"DROP POLICY {quoted(policy)} ON {quoted(name)}; run `domain db roles`",
        )


def check_indexes(connection: Connection) -> Iterator[Finding]:
    """Of those that are of no use; an error for a unique one: rows may be stored twice."""
    for index in invalid_indexes(connection):
        finding = error if index.is_unique else warning
        yield finding(
            f"the index {index.name} of {index.table} is invalid: making it failed, or is under way; no query uses it",
            "run `domain db repair`",
        )


def _unknown(policies: RowLevelSecurity, name: str, found: Found) -> Iterator[Finding]:
    wanted = policies.wanted(Table(name, MetaData(), Column(ORGANIZATION_ID, BigInteger)))
    own = {policy: words for policy, words in found.state.items() if policy in wanted}
    if said := policies.faults(Found(own, found.holds), wanted):
        again = [f"DROP POLICY IF EXISTS {ISOLATION} ON {quoted(name)}", *policies.create(name, wanted, "postgresql")]
        yield error(f"the {policies.name} of {name} is not an organization's: {', '.join(said)}", "; ".join(again))
    for policy, words in found.state.items():
        if policy not in wanted and words.endswith("(true)"):
            drop = f"DROP POLICY {quoted(policy)} ON {quoted(name)}"
            yield error(f"the policy {policy} opens {name} to everyone", drop)
