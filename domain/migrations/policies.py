"""Row level security in autogenerate: a model that gains a tenant base gets its policies in the same revision.

A revision says ``op.invoke(SetPoliciesOp(...))``, with the conditions as text, so that a released one never changes.
What a database has is compared by what its policies say, so that an altered one shows.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import UpgradeOps
from alembic.util import PriorityDispatchResult
from sqlalchemy import Table, text

from ..models.policies import Policy, enable, policies

Rule: TypeAlias = tuple[str, str, str]  # name, command, condition

_PRESENT = text(
    "SELECT c.relname AS table_name, c.relrowsecurity AND c.relforcerowsecurity AS held, p.polname AS name,"
    " CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'"
    " ELSE 'ALL' END AS command,"
    " coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS condition"
    " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polroles = '{0}'"  # those TO PUBLIC
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY p.polname"
)


class SetPoliciesOp(MigrateOperation):
    """Puts a table under row level security with exactly these policies for everyone; none lifts it.

    A rule is (name, command, condition). On SQLite it does nothing.
    """

    def __init__(self, table: str, rules: Iterable[Rule], *, replaces: Iterable[Rule] = ()) -> None:
        self.table = table
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.replaces: tuple[Rule, ...] = tuple(replaces)

    def reverse(self) -> "SetPoliciesOp":
        return SetPoliciesOp(self.table, self.replaces, replaces=self.rules)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("modify_policies", self.table, self.replaces, self.rules)

    def statements(self) -> Iterator[str]:
        """What PostgreSQL is told."""
        for name, _, _ in self.replaces:
            yield f"DROP POLICY IF EXISTS {name} ON {self.table}"
        if self.rules:
            yield from enable(self.table, [_policy(self.table, rule) for rule in self.rules])
        else:
            yield f"ALTER TABLE {self.table} NO FORCE ROW LEVEL SECURITY"
            yield f"ALTER TABLE {self.table} DISABLE ROW LEVEL SECURITY"


@Operations.implementation_for(SetPoliciesOp)
def _run(operations: Operations, operation: SetPoliciesOp) -> None:
    if operations.get_context().dialect.name == "postgresql":
        for statement in operation.statements():
            operations.execute(statement)


@renderers.dispatch_for(SetPoliciesOp)
def _rendered(context: AutogenContext, operation: SetPoliciesOp) -> str:
    context.imports.add("from domain.migrations import SetPoliciesOp")
    replaces = f", replaces={_listed(operation.replaces)}" if operation.replaces else ""
    return f"op.invoke(SetPoliciesOp({operation.table!r}, {_listed(operation.rules)}{replaces}))"


def compare_policies(
    context: AutogenContext, operations: UpgradeOps, _schemas: set[str | None] | list[str | None]
) -> PriorityDispatchResult:
    """Alembic's comparison, after that of the tables: what a revision makes or changes."""
    present = _present(context) if context.dialect.name == "postgresql" else {}
    for table in _wanted_tables(context):
        wanted = [(policy.name, policy.command, policy.condition) for policy in policies(table)]
        held, rules = present.get(table.name, (False, []))
        if present and table.name in present:
            if held == bool(wanted) and _said(rules) == _said(wanted):
                continue
        elif not _is_made_here(operations, table.name):
            continue
        if wanted or rules:
            operations.ops.append(SetPoliciesOp(table.name, wanted, replaces=rules))
    return PriorityDispatchResult.CONTINUE


def _wanted_tables(context: AutogenContext) -> list[Table]:
    return [t for t in context.sorted_tables if context.run_object_filters(t, t.name, "table", False, None)]


def _is_made_here(operations: UpgradeOps, table: str) -> bool:
    return any(getattr(operation, "table_name", None) == table for operation in operations.ops)


def _present(context: AutogenContext) -> dict[str, tuple[bool, list[Rule]]]:
    assert context.connection is not None, "a comparison has a database"
    found: dict[str, tuple[bool, list[Rule]]] = {}
    for row in context.connection.execute(_PRESENT):
        _, rules = found.setdefault(row.table_name, (bool(row.held), []))
        if row.name is not None:
            rules.append((row.name, row.command, row.condition or ""))
    return found


def _said(rules: Iterable[Rule]) -> set[Rule]:
    return {(name, command, _bare(condition)) for name, command, condition in rules}


def _bare(condition: str) -> str:
    """A condition without casts, brackets and blanks, which PostgreSQL writes in its own way."""
    return re.sub(r"::\w+|[()\s]", "", condition).lower()


def _policy(table: str, rule: Rule) -> Policy:
    name, command, condition = rule
    return Policy(table=table, name=name, command=command, condition=condition)


def _listed(rules: Sequence[Rule]) -> str:
    return "[" + ", ".join(repr(rule) for rule in rules) + "]"
