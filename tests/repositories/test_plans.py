"""No query of a repository reads a whole table of tenant data, row level security included."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlmodel import col

from domain import (
    BidDocumentRepository,
    Database,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderNotice,
    TenderOrder,
    TenderRepository,
    TenderStatus,
    UserRepository,
)
from domain.kit.model.tables import organization_column
from domain.kit.schema.scope import ORGANIZATION_SETTING
from domain.migrations.trees import domain_tables
from domain.organizations.model import SLUG_SETTING
from domain.testing import Cluster, postgresql_database
from domain.users.model import EMAIL_SETTING
from tests.support.calls import KINDS, METHODS, Kind, first_row, prepared
from tests.support.partitions import whole

from .plans import fill, nodes, plans_of

Call = Callable[[TenantSession], object]

OWN = {ORGANIZATION_SETTING: "1"}


def second_page(session: TenantSession) -> Sequence[Tender]:
    tenders = TenderRepository(session)
    return tenders.page(after=tenders.page(limit=20).next_cursor, limit=20).items


# What the methods do besides, where more is asked of them.
MORE: dict[str, Call] = {
    "a second page": second_page,
    "a page with the total": lambda s: TenderRepository(s).page(with_total=True).items,
    "another order, far behind": lambda s: TenderRepository(s).find(order_by=TenderOrder.HIGHEST_VALUE, offset=500),
    "a search": lambda s: TenderRepository(s).page(status=TenderStatus.PENDING, search="bridge").items,
    "deleted rows": lambda s: TenderRepository(s).find(include_deleted=True),
    "a count of some": lambda s: TenderRepository(s).count(col(Tender.title) == "Bridge", include_deleted=True),
    "a status, far behind": lambda s: TenderRepository(s).list_by_organization(status=TenderStatus.PENDING, offset=500),
    "the number of a status": lambda s: TenderRepository(s).count_by_organization(status=TenderStatus.PENDING),
    "a source": lambda s: TenderRepository(s).upsert_many([{"external_id": "ocds-9", "title": "New"}], source="tests"),
}
# Before the organization is known.
UNBOUND: dict[str, tuple[Call, dict[str, str]]] = {
    "a login by email": (
        lambda s: UserRepository(s).get_by_email("user-1@org-7.example"),
        {EMAIL_SETTING: "user-1@org-7.example"},
    ),
    "an organization by slug": (
        lambda s: OrganizationRepository(s).get_by_slug("org-7"),
        {SLUG_SETTING: "org-7"},
    ),
    "OrganizationRepository.create": (
        lambda s: OrganizationRepository(s).create(name="New", slug="brand-new"),
        {SLUG_SETTING: "brand-new"},
    ),
}
UNBOUND["OrganizationRepository.restore"] = (
    lambda s: OrganizationRepository(s).soft_delete(1) and OrganizationRepository(s).restore(1),
    OWN,
)


def brought_back(session: TenantSession) -> bool:
    organizations = OrganizationRepository(session)
    assert organizations.soft_delete(1)
    deleted = organizations.require(1, include_deleted=True)
    assert deleted.deletion_id
    return organizations.restore_deletion(deleted.deletion_id, org_id=1)


UNBOUND["OrganizationRepository.restore_deletion"] = (brought_back, OWN)
# Those of the package: other tests define tables of their own, and leave them empty.
TENANT_DATA = {table.name for table in domain_tables() if organization_column(table) is not None}


@pytest.fixture(scope="module")
def filled(domain_cluster: Cluster) -> Iterator[Database]:
    with postgresql_database(domain_cluster) as database:
        fill(database)
        yield database


def whole_tables(database: Database, call: Call, *, organization_id: int | None, settings: dict[str, str]) -> list[str]:
    """The statements of a call that read the whole of a tenant's table."""

    def found(session: TenantSession) -> None:
        assert call(session)

    plans = plans_of(database, found, organization_id=organization_id, settings=settings)
    assert plans
    return [
        text
        for text, plan in plans
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and whole(node["Relation Name"]) in TENANT_DATA
    ]


def in_organization_1(database: Database, call: Call) -> list[str]:
    return whole_tables(database, call, organization_id=1, settings=OWN)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_method_of_a_repository_reads_a_whole_table(filled: Database, kind: Kind) -> None:
    many = 1 if kind is OrganizationRepository else 20  # organizations are made one at a time

    def called(name: str) -> Call:
        return lambda session: prepared(session, kind, name, many=many)(kind(session))

    names = [name for of, name in METHODS if of is kind and f"{kind.__name__}.{name}" not in UNBOUND]
    scans = {name: in_organization_1(filled, called(name)) for name in names}
    assert {name: texts for name, texts in scans.items() if texts} == {}


def test_no_reading_of_a_part_reads_a_whole_table(filled: Database) -> None:
    scans = {name: in_organization_1(filled, call) for name, call in MORE.items()}
    assert {name: texts for name, texts in scans.items() if texts} == {}


@pytest.mark.parametrize("name", UNBOUND)
def test_no_look_up_without_an_organization_reads_a_whole_table(filled: Database, name: str) -> None:
    call, settings = UNBOUND[name]
    assert whole_tables(filled, call, organization_id=None, settings=settings) == []


def test_a_deletion_without_its_index_is_noticed(domain_cluster: Cluster) -> None:
    with postgresql_database(domain_cluster) as database:
        fill(database)
        with database.migration_engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE tender_notices DROP CONSTRAINT pk_tender_notices")
            for index in TenderNotice.__table__.indexes:
                connection.exec_driver_sql(f"DROP INDEX {index.name}")
        scans = in_organization_1(database, lambda s: TenderRepository(s).soft_delete(first_row(s, Tender).id))
        assert [text.split()[0] for text in scans] == ["WITH", "UPDATE"]
        assert all("tender_notices" in text for text in scans)


@pytest.mark.parametrize(
    ("index", "name"),
    [
        ("ux_users_email", "a login by email"),
        ("ux_organizations_slug", "an organization by slug"),
    ],
)
def test_a_missing_index_is_noticed(domain_cluster: Cluster, index: str, name: str) -> None:
    call, settings = UNBOUND[name]
    with postgresql_database(domain_cluster) as database:
        fill(database)
        with database.migration_engine.begin() as connection:
            connection.exec_driver_sql(f"DROP INDEX {index}")
        assert whole_tables(database, call, organization_id=None, settings=settings)


def test_the_newest_are_read_in_the_order_of_an_index(filled: Database) -> None:
    """The limit ends the reading: what an organization has besides costs nothing."""
    newest: dict[str, Call] = {
        "tenders": lambda s: TenderRepository(s).find(limit=20),
        "of a status": lambda s: TenderRepository(s).list_by_organization(status=TenderStatus.PENDING, limit=20),
        "pages": second_page,
        "bids": lambda s: BidDocumentRepository(s).list_by_organization(limit=20),
    }
    for name, call in newest.items():
        plans = plans_of(filled, call, organization_id=1, settings=OWN)
        kinds = {node["Node Type"] for _, plan in plans for node in nodes(plan)}
        assert "Index Scan" in kinds, name
        assert "Sort" not in kinds, name


@pytest.mark.parametrize("order", TenderOrder)
def test_a_page_of_any_order_begins_in_its_index_where_its_cursor_is(filled: Database, order: TenderOrder) -> None:
    """Else each page would read all pages before it: those among the rows without a value as well."""

    def pages(session: TenantSession) -> None:
        page = TenderRepository(session).page(order_by=order, limit=200)
        while page.next_cursor is not None:
            page = TenderRepository(session).page(order_by=order, limit=200, after=page.next_cursor)

    plans = plans_of(filled, pages, organization_id=1, settings=OWN)
    assert len(plans) >= 4
    for text, plan in plans:
        *above, scan = nodes(plan)
        assert {node["Node Type"] for node in above} <= {"Limit", "Result"}, text
        assert scan["Node Type"] == "Index Scan", text
        has_cursor = " < (" in text or " > (" in text or "tenders.id <" in text or "tenders.id >" in text
        assert ("ROW(" in scan["Index Cond"] or "id" in scan["Index Cond"].replace("organization_id", "")) is has_cursor
        assert "id" not in scan.get("Filter", "").replace("organization_id", ""), scan["Filter"]
