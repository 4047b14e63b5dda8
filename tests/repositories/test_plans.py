"""No query of a repository reads a whole table of tenant data, row level security included."""

import inspect
from collections.abc import Callable, Iterator

import pytest
from sqlmodel import col

from domain import (
    AnalysisRepository,
    BidDocument,
    BidDocumentRepository,
    Database,
    Organization,
    OrganizationRepository,
    Repository,
    TenantSession,
    Tender,
    TenderContent,
    TenderNotice,
    TenderNoticeRepository,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.kit.model.tables import organization_column
from domain.kit.schema.scope import ORGANIZATION_SETTING
from domain.migrations.trees import domain_tables
from domain.organizations.model import SLUG_SETTING
from domain.testing import Cluster, build, postgresql_database
from domain.users.model import EMAIL_SETTING

from .plans import fill, nodes, plans_of

Call = Callable[[TenantSession], object]

REPOSITORIES = (
    AnalysisRepository,
    BidDocumentRepository,
    OrganizationRepository,
    TenderNoticeRepository,
    TenderRepository,
    UserRepository,
)
OWN = {ORGANIZATION_SETTING: "1"}


def tender(session: TenantSession) -> int:
    return TenderRepository(session).find(limit=1)[0].id


def new_tender(session: TenantSession) -> int:
    return TenderRepository(session).create(title="New").id


def deleted(session: TenantSession) -> int:
    tender_id = tender(session)
    assert TenderRepository(session).soft_delete(tender_id)
    return tender_id


def second_page(session: TenantSession) -> object:
    tenders = TenderRepository(session)
    return tenders.page(after=tenders.page(limit=20).next_cursor, limit=20, with_total=True).items


def last_user(session: TenantSession) -> int:
    return UserRepository(session).find(limit=1)[0].id


# In an organization: every public method of the repositories, by the class that defines it; each finds something.
CALLS: dict[str, Call] = {
    "Repository.add": lambda s: TenderRepository(s).add(build(Tender)),
    "Repository.count": lambda s: TenderRepository(s).count(col(Tender.source).is_(None), include_deleted=True),
    "Repository.create_many": lambda s: TenderRepository(s).create_many([build(Tender) for _ in range(3)]),
    "Repository.exists": lambda s: TenderRepository(s).exists(),
    "Repository.find": lambda s: TenderRepository(s).find(include_deleted=True),
    "Repository.get": lambda s: TenderRepository(s).get(tender(s)),
    "Repository.page": second_page,
    "Repository.preview_delete": lambda s: TenderRepository(s).preview_delete(tender(s)),
    "Repository.put": lambda s: TenderRepository(s).put(Tender(external_id="ocds-5", title="Newer")),
    "Repository.require": lambda s: TenderRepository(s).require(tender(s), include_deleted=True),
    "Repository.restore": lambda s: TenderRepository(s).restore(deleted(s)),
    "Repository.soft_delete": lambda s: TenderRepository(s).soft_delete(tender(s)),
    "Repository.stream": lambda s: list(TenderRepository(s).stream()),
    "Repository.update": lambda s: TenderRepository(s).update(tender(s), TenderPatch(title="Newer")),
    "Repository.upsert_many": lambda s: TenderRepository(s).upsert_many(
        [TenderContent(external_id=f"ocds-{n}", title="Newer") for n in range(20)]
    ),
    "AnalysisRepository.costs_by_month": lambda s: AnalysisRepository(s).costs_by_month(),
    "AnalysisRepository.create": lambda s: AnalysisRepository(s).create(
        tender_id=new_tender(s), is_relevant=True, confidence=1
    ),
    "AnalysisRepository.get_by_tender_id": lambda s: AnalysisRepository(s).get_by_tender_id(tender(s)),
    "AnalysisRepository.get_high_score_tenders": lambda s: AnalysisRepository(s).get_high_score_tenders(),
    "AnalysisRepository.update_rating": lambda s: AnalysisRepository(s).update_rating(tender(s), 9),
    "AnalysisRepository.upsert": lambda s: AnalysisRepository(s).upsert(
        tender_id=tender(s), is_relevant=True, confidence=1
    ),
    "BidDocumentRepository.create": lambda s: BidDocumentRepository(s).add(build(BidDocument, tender_id=new_tender(s))),
    "BidDocumentRepository.get_by_tender_id": lambda s: BidDocumentRepository(s).get_by_tender_id(tender(s)),
    "BidDocumentRepository.list_by_organization": lambda s: BidDocumentRepository(s).list_by_organization(),
    "BidDocumentRepository.upsert": lambda s: BidDocumentRepository(s).put(build(BidDocument, tender_id=tender(s))),
    "OrganizationRepository.can_analyze": lambda s: OrganizationRepository(s).can_analyze(1),
    "OrganizationRepository.get": lambda s: OrganizationRepository(s).get(1),
    "OrganizationRepository.get_by_id": lambda s: OrganizationRepository(s).get_by_id(1),
    "OrganizationRepository.get_by_slug": lambda s: OrganizationRepository(s).get_by_slug("first"),
    "OrganizationRepository.list_active": lambda s: OrganizationRepository(s).list_active(),
    "OrganizationRepository.put": lambda s: OrganizationRepository(s).put(Organization(name="New", slug="first")),
    "OrganizationRepository.reset_monthly_usage": lambda s: OrganizationRepository(s).reset_monthly_usage(1),
    "OrganizationRepository.soft_delete": lambda s: OrganizationRepository(s).soft_delete(1),
    "OrganizationRepository.stream_active": lambda s: list(OrganizationRepository(s).stream_active()),
    "OrganizationRepository.preview_delete": lambda s: OrganizationRepository(s).preview_delete(1),
    "OrganizationRepository.return_usage": lambda s: (
        OrganizationRepository(s).update_usage(1) and OrganizationRepository(s).return_usage(1)
    ),
    "OrganizationRepository.update_usage": lambda s: OrganizationRepository(s).update_usage(1),
    "TenderNoticeRepository.create": lambda s: TenderNoticeRepository(s).add(build(TenderNotice, tender_id=tender(s))),
    "TenderNoticeRepository.list_by_tender_id": lambda s: TenderNoticeRepository(s).list_by_tender_id(tender(s)),
    "TenderRepository.count_by_organization": lambda s: TenderRepository(s).count_by_organization(
        status=TenderStatus.PENDING
    ),
    "TenderRepository.count_by_status": lambda s: TenderRepository(s).count_by_status(),
    "TenderRepository.create": lambda s: TenderRepository(s).create(title="New"),
    "TenderRepository.get_by_external_id": lambda s: TenderRepository(s).get_by_external_id("ocds-7"),
    "TenderRepository.get_by_id": lambda s: TenderRepository(s).get_by_id(tender(s)),
    "TenderRepository.list_by_organization": lambda s: TenderRepository(s).list_by_organization(
        status=TenderStatus.PENDING, offset=500
    ),
    "TenderRepository.list_with_related": lambda s: TenderRepository(s).list_with_related(),
    "TenderRepository.page": lambda s: TenderRepository(s).page(status=TenderStatus.PENDING, search="bridge").items,
    # ILIKE is not leakproof, so no index could serve it: it filters what an index on the organization finds.
    "TenderRepository.search": lambda s: TenderRepository(s).search("bridge"),
    "TenderRepository.soft_delete": lambda s: TenderRepository(s).soft_delete(tender(s)),
    "TenderRepository.upsert_many": lambda s: TenderRepository(s).upsert_many(
        [{"external_id": "ocds-9", "title": "Newer"}, {"external_id": "new", "title": "New"}], source="tests"
    ),
    "TenderRepository.update_status": lambda s: TenderRepository(s).update_status(tender(s), TenderStatus.COMPLETE),
    "UserRepository.create": lambda s: UserRepository(s).add(build(User)),
    "UserRepository.get_by_email": lambda s: UserRepository(s).get_by_email("user-1@org-1.example"),
    "UserRepository.get_by_id": lambda s: UserRepository(s).get_by_id(last_user(s)),
    "UserRepository.list_by_organization": lambda s: UserRepository(s).list_by_organization(),
    "UserRepository.soft_delete": lambda s: UserRepository(s).soft_delete(last_user(s)),
    "UserRepository.update_last_login": lambda s: UserRepository(s).update_last_login(last_user(s)),
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
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in TENANT_DATA
    ]


def test_no_method_of_a_repository_reads_a_whole_table(filled: Database) -> None:
    scans = {name: whole_tables(filled, call, organization_id=1, settings=OWN) for name, call in CALLS.items()}
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
        scans = whole_tables(database, CALLS["Repository.soft_delete"], organization_id=1, settings=OWN)
        assert [text.split()[0] for text in scans] == ["WITH", "UPDATE"]
        assert all("tender_notices" in text for text in scans)


def test_every_method_of_the_repositories_is_among_them() -> None:
    methods = {f"Repository.{name}" for name, _ in inspect.getmembers(Repository, inspect.isfunction)}
    methods |= {
        f"{r.__name__}.{name}" for r in REPOSITORIES for name, value in vars(r).items() if inspect.isfunction(value)
    }
    public = {name for name in methods if not name.partition(".")[2].startswith("_")}
    assert public - {*CALLS, *UNBOUND} == set(), "give it a call above"


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
        "pages": second_page_without_total,
        "bids": lambda s: BidDocumentRepository(s).list_by_organization(limit=20),
    }
    for name, call in newest.items():
        plans = plans_of(filled, call, organization_id=1, settings=OWN)
        kinds = {node["Node Type"] for _, plan in plans for node in nodes(plan)}
        assert "Index Scan" in kinds, name
        assert "Sort" not in kinds, name


def second_page_without_total(session: TenantSession) -> object:
    tenders = TenderRepository(session)
    return tenders.page(after=tenders.page(limit=20).next_cursor, limit=20)
