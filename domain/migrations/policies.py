"""Row level security in autogenerate: a model that gains a tenant base gets its policies in the same revision.

A revision says ``op.invoke(SetPoliciesOp(...))``, with the conditions as text, so that a released one never changes.
What a database has is compared by what its policies say, so that an altered one shows.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import AddColumnOp, CreateTableOp, ModifyTableOps, UpgradeOps
from alembic.util import PriorityDispatchResult
from sqlalchemy import Table

from ..database.policies import Present, Rule, present_policies, say_the_same
from ..models.policies import ISOLATION, Policy, enable, policies, quoted
from ..models.tables import TENANT

OWNER_LET_THROUGH = "domain_owner_let_through"  # option of a context that holds the owner again at its end


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
            yield f"DROP POLICY IF EXISTS {quoted(name)} ON {quoted(self.table)}"
        if self.rules:
            yield from enable(self.table, [_policy(self.table, rule) for rule in self.rules])
        else:
            yield f"ALTER TABLE {quoted(self.table)} NO FORCE ROW LEVEL SECURITY"
            yield f"ALTER TABLE {quoted(self.table)} DISABLE ROW LEVEL SECURITY"


@Operations.implementation_for(SetPoliciesOp)
def _run(operations: Operations, operation: SetPoliciesOp) -> None:
    context = operations.get_context()
    if context.dialect.name != "postgresql":
        return
    for statement in operation.statements():
        operations.execute(statement)
    if context.opts.get(OWNER_LET_THROUGH) and any(name == ISOLATION for name, _, _ in operation.rules):
        # The rest of the revision may change rows; the end of the run forces it again.
        operations.execute(f"ALTER TABLE {quoted(operation.table)} NO FORCE ROW LEVEL SECURITY")


@renderers.dispatch_for(SetPoliciesOp)
def _rendered(context: AutogenContext, operation: SetPoliciesOp) -> str:
    context.imports.add("from domain.migrations import SetPoliciesOp")
    replaces = f", replaces={_listed(operation.replaces)}" if operation.replaces else ""
    return f"op.invoke(SetPoliciesOp({operation.table!r}, {_listed(operation.rules)}{replaces}))"


def compare_policies(
    context: AutogenContext, operations: UpgradeOps, _schemas: set[str | None] | list[str | None]
) -> PriorityDispatchResult:
    """Alembic's comparison, after that of the tables: what a revision makes or changes."""
    present = _present(context)
    for table in _wanted_tables(context):
        wanted = [(policy.name, policy.command, policy.condition) for policy in policies(table)]
        found = present.get(table.name)
        if found is None and not _is_made_here(operations, table.name):
            continue
        if found is not None and _is_as_wanted(found, wanted):
            continue
        rules = found.rules if found else []
        if wanted or rules:
            operations.ops.append(SetPoliciesOp(table.name, wanted, replaces=rules))
    return PriorityDispatchResult.CONTINUE


def _is_as_wanted(found: Present, wanted: Sequence[Rule]) -> bool:
    if not wanted:  # a table of no organization: what an application does with it is its own
        return all(name != ISOLATION for name, _, _ in found.rules)
    return found.held and say_the_same(found.rules, wanted)


def _wanted_tables(context: AutogenContext) -> list[Table]:
    return [t for t in context.sorted_tables if context.run_object_filters(t, t.name, "table", False, None)]


def _is_made_here(operations: UpgradeOps, table: str) -> bool:
    """Whether the revision makes the table, or a table of an organization out of it (SQLite shows no policies)."""
    for operation in operations.ops:
        if isinstance(operation, CreateTableOp) and operation.table_name == table:
            return True
        if isinstance(operation, ModifyTableOps) and operation.table_name == table:
            return any(isinstance(step, AddColumnOp) and step.column.name == TENANT for step in operation.ops)
    return False


def _present(context: AutogenContext) -> dict[str, Present]:
    if context.dialect.name != "postgresql":
        return {}
    assert context.connection is not None, "a comparison has a database"
    return present_policies(context.connection)


def _policy(table: str, rule: Rule) -> Policy:
    name, command, condition = rule
    return Policy(table=table, name=name, command=command, condition=condition)


def _listed(rules: Sequence[Rule]) -> str:
    return "[" + ", ".join(repr(rule) for rule in rules) + "]"
