"""What isolation costs: repositories with every layer on against the same with every layer off.

Off means: no predicate in the statements, no guard on the session, no setting sent, no row level security on the
tables. Both run in turns, in one process, on one throwaway PostgreSQL; the figure is the median of the rounds' ratios.

    python benchmarks/isolation_cost.py [--rounds 40] [--limit 1.25]
"""

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from sqlalchemy import bindparam, text
from sqlmodel import col, select

from domain import Database, DomainModel, Organization, OrganizationRepository, Tender, TenderRepository
from domain.kit.model.tables import organization_column
from domain.kit.repository.statements import statements
from domain.kit.session import DomainSession
from domain.testing import Cluster, build
from domain.testing.fixtures import prepare

ORGANIZATIONS, TENDERS, CALLS = 20, 500, 40


class OpenTenders(TenderRepository):
    """A repository without predicates, over a session without guard."""

    def __init__(self, session: DomainSession) -> None:
        self.session = session
        self._sql = statements(Tender, scoped=False)

    def _organization(self, org_id: int | None) -> int | None:
        return org_id


class OpenOrganizations(OrganizationRepository):
    """The same for organizations."""

    def __init__(self, session: DomainSession) -> None:
        self.session = session
        self._sql = statements(Organization, scoped=False)


class Contender:
    """A way to open a session and its repositories."""

    def __init__(self, database: Database, *, isolated: bool) -> None:
        self.database = database
        self.isolated = isolated

    @contextmanager
    def tenders(self, organization_id: int) -> Generator[TenderRepository]:
        if self.isolated:
            with self.database.get_session(organization_id=organization_id) as session:
                yield TenderRepository(session)
        else:
            with DomainSession(self.database.engine) as open_session:
                yield OpenTenders(open_session)
                open_session.commit()

    def organizations(self, tenders: TenderRepository) -> OrganizationRepository:
        return OrganizationRepository(tenders.session) if self.isolated else OpenOrganizations(tenders.session)


def get(contender: Contender, organization_id: int, tender_id: int) -> None:
    with contender.tenders(organization_id) as tenders:
        found = tenders.get(tender_id)
        assert found is not None
        assert found.organization_id == organization_id


NEWEST = (
    select(Tender)
    .where(~col(Tender.is_deleted), col(Tender.organization_id) == bindparam("of"))
    .order_by(col(Tender.created_at).desc(), col(Tender.id).desc())
    .limit(50)
)


def newest(contender: Contender, tenders: TenderRepository, organization_id: int) -> Sequence[Tender]:
    """Built once in either case; the organization is no layer's business here, but what is asked for."""
    if contender.isolated:
        return tenders.list_by_organization(limit=50)
    return tenders.session.exec(NEWEST, params={"of": organization_id}).all()


def list_50(contender: Contender, organization_id: int, _tender_id: int) -> None:
    with contender.tenders(organization_id) as tenders:
        assert len(newest(contender, tenders, organization_id)) == 50


def create(contender: Contender, organization_id: int, _tender_id: int) -> None:
    with contender.tenders(organization_id) as tenders:
        tenders.add(build(Tender, organization_id=organization_id, title="New"))


def mixed(contender: Contender, organization_id: int, _tender_id: int) -> None:
    """Find by slug, meter, create, list 50: a typical request."""
    with contender.tenders(organization_id) as tenders:
        organizations = contender.organizations(tenders)
        assert tenders.session.look_up(Organization, "slug", f"org-{organization_id}") is not None
        assert organizations.update_usage(organization_id)
        tenders.add(build(Tender, organization_id=organization_id, title="New"))
        assert len(newest(contender, tenders, organization_id)) == 50


OPERATIONS: list[Callable[[Contender, int, int], None]] = [get, list_50, create, mixed]


def fill(database: Database) -> dict[int, list[int]]:
    """Organizations with tenders: their ids."""
    ids: dict[int, list[int]] = {}
    for _ in range(ORGANIZATIONS):
        with database.get_session() as session:
            organization = OrganizationRepository(session).add(build(Organization, monthly_analysis_limit=10**9))
            organization.slug = f"org-{organization.id}"
            session.bind_organization(organization.id)
            rows = TenderRepository(session).create_many([build(Tender) for _ in range(TENDERS)])
            ids[organization.id] = [row.id for row in rows]
    with database.migration_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return ids


def switch_off(database: Database) -> None:
    """Lift row level security from every table."""
    with database.migration_engine.begin() as connection:
        for table in DomainModel.metadata.sorted_tables:
            if organization_column(table) is not None:
                connection.execute(text(f"ALTER TABLE {table.name} NO FORCE ROW LEVEL SECURITY"))
                connection.execute(text(f"ALTER TABLE {table.name} DISABLE ROW LEVEL SECURITY"))


def seconds(
    operation: Callable[[Contender, int, int], None], contender: Contender, keys: list[tuple[int, int]]
) -> float:
    started = time.perf_counter()
    for organization_id, tender_id in keys:
        operation(contender, organization_id, tender_id)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description="What isolation costs.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--limit", type=float, default=1.25, help="exit 1 where a median ratio is above it")
    arguments = parser.parse_args()
    with Cluster() as cluster:
        with cluster.database(cluster.clone(prepare)) as isolated, cluster.database(cluster.clone(prepare)) as bare:
            ids = fill(isolated)
            assert fill(bare) == ids
            switch_off(bare)
            contenders = (Contender(isolated, isolated=True), Contender(bare, isolated=False))
            worst = max(ratio(operation, contenders, ids, arguments.rounds) for operation in OPERATIONS)
    return 1 if worst > arguments.limit else 0


def ratio(
    operation: Callable[[Contender, int, int], None],
    contenders: tuple[Contender, Contender],
    ids: dict[int, list[int]],
    rounds: int,
) -> float:
    """The median of on / off over the rounds, printed with its spread."""
    ratios: list[float] = []
    times: list[float] = []
    for number in range(rounds + 3):
        keys = [(organization, random.choice(ids[organization])) for organization in random.choices(list(ids), k=CALLS)]
        order = contenders if number % 2 else contenders[::-1]
        gc.collect()
        gc.disable()
        taken = {contender.isolated: seconds(operation, contender, keys) for contender in order}
        gc.enable()
        if number >= 3:  # the first rounds warm caches
            ratios.append(taken[True] / taken[False])
            times.append(taken[True] / CALLS)
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{operation.__name__:8} {middle:5.2f}  ({low:.2f} to {high:.2f})  {statistics.median(times) * 1e6:6.0f} µs")
    return middle


if __name__ == "__main__":
    sys.exit(main())
