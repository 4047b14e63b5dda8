"""Random trees of rows, ages, holds and retentions: purge agrees with a plain Python model, and so does its plan."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from domain import AnalysisResult, BidDocument, Database, Entity, Organization, Tender, User
from domain.retention import plan_purge, purge
from tests.retention.kinds import Remark, Section, Unit
from tests.retention.rows import clear, left, put_by, without_trail

CHILDREN: dict[type[Entity], tuple[type[Entity], ...]] = {
    Organization: (User, Tender),
    Tender: (AnalysisResult, BidDocument, Section),
    Section: (Remark,),
}
KEYS = {Tender: "tender_id", Section: "section_id"}


@dataclass
class Node:
    """A row: how long ago it was deleted (days, or live), whether with its parent, and what is below it."""

    model: type[Entity]
    age: int | None
    with_parent: bool = False
    held: bool = False
    below: list["Node"] = field(default_factory=list["Node"])
    id: int = 0

    def goes(self, days: int | None) -> bool:
        kept = self.model.retention_days
        old = self.age is not None and kept is not None and self.age >= (kept if days is None else days)
        return old and (self.model is Organization or all(node.goes(days) for node in self.below))

    def everything(self) -> Iterator["Node"]:
        yield self
        for node in self.below:
            yield from node.everything()


AGES = st.sampled_from([None, 0, 5, 15, 29, 30, 60, 89, 90, 200])


@st.composite
def nodes(draw: st.DrawFn, model: type[Entity]) -> Node:
    node = Node(model, draw(AGES), with_parent=draw(st.booleans()))
    if model is Organization:
        node.held = draw(st.integers(0, 4)) == 0
    for child in CHILDREN.get(model, ()):
        node.below += draw(st.lists(nodes(child), max_size=1 if child in (AnalysisResult, BidDocument) else 3))
    return node


def going(top: list[Node], days: int | None) -> Iterator[Node]:
    """The model: what purge is to remove."""
    for organization in top:
        if organization.model is Organization:
            if organization.goes(days) and not organization.held:
                yield from organization.everything()
            elif not organization.held:
                own = (node for child in organization.below for node in child.everything())
                yield from (node for node in own if node.goes(days))
        elif organization.goes(days):
            yield organization


def store(
    connection: Connection, node: Node, *, parent: Node | None = None, owner: int = 0, deletion: UUID | None = None
) -> None:
    """Put a tree into the database. A row deleted with its parent has the same age and deletion."""
    if parent is not None and node.with_parent and parent.age is not None:
        node.age = parent.age
    else:
        deletion = uuid4()
    fields: dict[str, object] = {"name": "a unit"} if node.model is Unit else {}
    if node.model is Organization:
        fields["legal_hold"] = node.held
    elif owner:
        fields["organization_id"] = owner
    if parent is not None and parent.model in KEYS:
        fields[KEYS[parent.model]] = parent.id
    if node.age is not None:
        fields["deletion_id"] = deletion
    age = None if node.age is None else node.age + 0.5
    node.id = put_by(connection, node.model, deleted_days_ago=age, **fields)["id"]
    for child in node.below:
        store(connection, child, parent=node, owner=owner or node.id, deletion=deletion)


worlds = st.tuples(st.lists(nodes(Organization), max_size=3), st.lists(nodes(Unit), max_size=2))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, days=st.sampled_from([None, None, 0, 10, 75]), batch_size=st.integers(1, 5))
def test_what_goes_is_what_the_model_says_and_what_the_plan_said(
    domain_db: Database, world: tuple[list[Node], list[Node]], days: int | None, batch_size: int
) -> None:
    clear(domain_db)
    top = [*world[0], *world[1]]
    with domain_db.migration_engine.begin() as connection:
        for node in top:
            store(connection, node)
    expected = left(domain_db)
    numbers: Counter[str] = Counter()
    for node in going(top, days):
        table = str(node.model.__tablename__)
        expected[table].remove(node.id)
        numbers[table] += 1
    plan = plan_purge(domain_db, actor="tests", older_than_days=days)
    done = purge(domain_db, actor="tests", older_than_days=days, batch_size=batch_size)
    assert left(domain_db) == expected
    assert without_trail(done.counts) == without_trail(plan.counts)
    told: Counter[str] = Counter()
    for count in without_trail(plan.counts):
        told[count.table] += count.rows
    assert told == numbers
