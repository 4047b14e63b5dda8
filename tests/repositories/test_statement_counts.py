"""No method of a repository sends a statement for each row: as many for 10 rows as for 30.

Every public method of every repository is called here; one that is added has to be, too.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

import domain
from domain import (
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    Database,
    DomainModel,
    DomainSession,
    Organization,
    OrganizationRepository,
    Repository,
    SystemSession,
    TenantRepository,
    TenantSession,
    Tender,
    TenderContent,
    TenderNotice,
    TenderNoticeRepository,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.kit.model.base import reference_graph
from domain.kit.model.tables import live_unique_indexes
from domain.tenders.notices import TenderNoticeContent
from domain.testing import build

Repo = Any  # a repository, of whatever model


@dataclass(frozen=True)
class Rows:
    """What is stored, by model; as many of each as ``number``."""

    number: int
    ids: dict[type[DomainModel], list[int]]
    spare: list[int]  # tenders without analysis and bid


Call = Callable[[Repo, Rows], object]

# A change to a field that is not part of the natural key.
CHANGES: dict[type[DomainModel], dict[str, Any]] = {
    Organization: {"name": "Changed"},
    User: {"full_name": "Changed"},
    Tender: {"title": "Changed"},
    TenderNotice: {"content": {"changed": True}},
    AnalysisResult: {"recommendation": "Changed"},
    BidDocument: {"approach": "Changed"},
}


class NoticePatch(TenderNoticeContent, domain.Patch):
    """A patch of a model that has none."""


PATCHES: dict[type[DomainModel], type[DomainModel]] = {
    Organization: domain.OrganizationPatch,
    User: domain.UserPatch,
    Tender: domain.TenderPatch,
    TenderNotice: NoticePatch,
    AnalysisResult: domain.AnalysisPatch,
    BidDocument: domain.BidPatch,
}


def first(repository: Repo, rows: Rows) -> int:
    return rows.ids[repository.model][0]


def new(repository: Repo, rows: Rows, number: int) -> list[Any]:
    """Rows to insert."""
    model = repository.model
    references = {"tender_id"} & model.model_fields.keys()
    return [build(model, **dict.fromkeys(references, rows.spare[n])) for n in range(number)]


def given(repository: Repo, rows: Rows) -> dict[str, Any]:
    (entity,) = new(repository, rows, 1)
    return {name: getattr(entity, name) for name in entity.model_fields_set}


def upserted(repository: Repo, rows: Rows) -> list[Any]:
    """As many rows that are stored as new ones."""
    model = repository.model
    key = {*live_unique_indexes(model.__table__)[0].info["live_unique"], "tender_id"} & model.model_fields.keys()
    stored = repository.find(limit=rows.number)
    twins = [build(model, **{name: getattr(row, name) for name in key}, **CHANGES[model]) for row in stored]
    return [*twins, *_with_key(new(repository, rows, rows.number))]


def _with_key(entities: list[Any]) -> list[Any]:
    for number, entity in enumerate(entities):
        if isinstance(entity, Tender):
            entity.external_id = f"new-{number}"
    return entities


def restored_while_held(repository: Repo, rows: Rows) -> bool:
    repository.soft_delete(first(repository, rows))
    repository.find(include_deleted=True, limit=200)
    restored: bool = repository.restore(first(repository, rows))
    return restored


def notices_restored_while_held(repository: Repo, rows: Rows) -> bool:
    notices = TenderNoticeRepository(repository.session)
    repository.soft_delete(first(repository, rows))
    held = notices.find(include_deleted=True, limit=200)
    restored: bool = repository.restore(first(repository, rows))
    assert len(held) >= rows.number
    assert not any(notice.is_deleted for notice in held)
    return restored


def deleted_while_held(repository: Repo, rows: Rows) -> bool:
    repository.find(limit=200)
    deleted: bool = repository.soft_delete(first(repository, rows))
    return deleted


def paged(repository: Repo, rows: Rows) -> bool:
    page = repository.page(limit=rows.number // 2, with_total=True)
    after = repository.page(limit=rows.number // 2, after=page.next_cursor)
    before = repository.page(limit=rows.number // 2, before=after.previous_cursor)
    return [row.id for row in before.items] == [row.id for row in page.items]


COMMON: dict[str, Call] = {
    "get": lambda repository, rows: repository.get(first(repository, rows)),
    "require": lambda repository, rows: repository.require(first(repository, rows)),
    "find": lambda repository, _: repository.find(limit=200),
    "count": lambda repository, _: repository.count(),
    "exists": lambda repository, _: repository.exists(),
    "page": paged,
    "stream": lambda repository, _: list(repository.stream()),
    "add": lambda repository, rows: repository.add(*new(repository, rows, 1)),
    "put": lambda repository, rows: repository.put(*_with_key(new(repository, rows, 1))),
    "create": lambda repository, rows: repository.create(**given(repository, rows)),
    "create_many": lambda repository, rows: repository.create_many(new(repository, rows, rows.number)),
    "upsert_many": lambda repository, rows: repository.upsert_many(upserted(repository, rows)),
    "update": lambda repository, rows: repository.update(
        first(repository, rows), PATCHES[repository.model].model_validate(CHANGES[repository.model])
    ),
    "preview_delete": lambda repository, rows: repository.preview_delete(first(repository, rows)),
    "soft_delete": deleted_while_held,
    "restore": restored_while_held,
}
OWN: dict[Any, dict[str, Call]] = {
    OrganizationRepository: {
        "get_by_id": lambda organizations, _: organizations.get_by_id(1),
        "get_by_slug": lambda organizations, _: organizations.get_by_slug("first"),
        "list_active": lambda organizations, _: organizations.list_active(limit=200),
        "stream_active": lambda organizations, _: list(organizations.stream_active()),
        "update_usage": lambda organizations, _: organizations.update_usage(1),
        "return_usage": lambda organizations, _: organizations.update_usage(1) and organizations.return_usage(1),
        "reset_monthly_usage": lambda organizations, _: organizations.reset_monthly_usage(1),
        "can_analyze": lambda organizations, _: organizations.can_analyze(1),
    },
    UserRepository: {
        "get_by_id": lambda users, rows: users.get_by_id(first(users, rows)),
        "get_by_email": lambda users, rows: users.get_by_email(users.require(first(users, rows)).email),
        "list_by_organization": lambda users, _: users.list_by_organization(limit=200),
        "update_last_login": lambda users, rows: users.update_last_login(first(users, rows)),
    },
    TenderRepository: {
        "get_by_id": lambda tenders, rows: tenders.get_by_id(first(tenders, rows)),
        "get_by_external_id": lambda tenders, rows: tenders.get_by_external_id(f"known-{rows.number}-0"),
        "list_by_organization": lambda tenders, _: tenders.list_by_organization(limit=200),
        "list_with_related": lambda tenders, _: [
            (tender.analysis, tender.bid) for tender in tenders.list_with_related(limit=200)
        ],
        "count_by_organization": lambda tenders, _: tenders.count_by_organization(status=TenderStatus.PENDING),
        "count_by_status": lambda tenders, _: tenders.count_by_status(),
        "search": lambda tenders, _: tenders.search("bridge", limit=200),
        "update_status": lambda tenders, rows: tenders.update_status(first(tenders, rows), TenderStatus.ERROR),
        "claim": lambda tenders, rows: len(tenders.claim(limit=rows.number)) == rows.number,
        "renew": lambda tenders, _: [
            tenders.renew(row.id, row.version, lease=timedelta(hours=1)) for row in tenders.claim()
        ],
        "restore": notices_restored_while_held,
    },
    TenderNoticeRepository: {
        "list_by_tender_id": lambda notices, rows: notices.list_by_tender_id(rows.ids[Tender][0], limit=200),
    },
    AnalysisRepository: {
        "upsert": lambda analyses, rows: analyses.upsert(**given(analyses, rows)),
        "get_by_tender_id": lambda analyses, rows: analyses.get_by_tender_id(rows.ids[Tender][0]),
        "update_rating": lambda analyses, rows: analyses.update_rating(rows.ids[Tender][0], 9),
        "get_high_score_tenders": lambda analyses, _: analyses.get_high_score_tenders(limit=200),
        "costs_by_month": lambda analyses, _: analyses.costs_by_month(),
    },
    BidDocumentRepository: {
        "upsert": lambda bids, rows: bids.upsert(**given(bids, rows)),
        "get_by_tender_id": lambda bids, rows: bids.get_by_tender_id(rows.ids[Tender][0]),
        "list_by_organization": lambda bids, _: bids.list_by_organization(limit=200),
    },
}


def filled(database: Database, number: int) -> Rows:
    """Tenders with analysis and bid, as many without, and users, organizations, and notices of the first tender."""
    ids: dict[type[DomainModel], list[int]] = {}
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session).create_many(
            [build(Tender, external_id=f"known-{number}-{n}") for n in range(2 * number)]
        )
        tender_ids = [row.id for row in tenders]
        ids[Tender], spare = tender_ids[:number], tender_ids[number:]
        others: list[tuple[type[DomainModel], list[dict[str, Any]]]] = [
            (User, [{}] * number),
            (TenderNotice, [{"tender_id": tender_ids[0]}] * number),
            (AnalysisResult, [{"tender_id": n, "overall_score": 8, "processing_cost": 1} for n in ids[Tender]]),
            (BidDocument, [{"tender_id": n} for n in ids[Tender]]),
        ]
        for model, keys in others:
            made: list[Any] = [build(model, **key) for key in keys]
            session.add_all(made)
            session.flush()
            ids[model] = [row.id for row in made]
    with database.system_session(actor="tests", reason="organizations") as system:
        system.add_all([build(Organization) for _ in range(number)])
        ids[Organization] = [1]
    return Rows(number, ids, spare)


def public_methods(kind: Repo) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))} - {"model"}


def test_every_public_method_of_every_repository_is_counted() -> None:
    kinds: list[Any] = [
        kind for kind in vars(domain).values() if isinstance(kind, type) and issubclass(kind, Repository)
    ]
    assert set(OWN) == {*kinds} - {Repository, TenantRepository}
    for kind, own in OWN.items():
        assert public_methods(kind) == {*COMMON, *own}, kind.__name__


@contextmanager
def opened(database: Database, kind: Repo) -> Generator[DomainSession]:
    """A session that sees every row of the repository's model; what is done in it does not stay."""
    if kind is OrganizationRepository:
        session: DomainSession = SystemSession(database.system_engine or database.engine)
    else:
        session = TenantSession(database.engine, organization_id=1)
    with session:
        yield session
        session.rollback()


@contextmanager
def counted(session: DomainSession) -> Generator[list[str]]:
    """The statements that go to the database."""
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", record)
    yield sent
    event.remove(engine, "before_cursor_execute", record)


@pytest.mark.parametrize("kind", OWN, ids=[kind.__name__ for kind in OWN])
def test_no_method_sends_a_statement_for_each_row(domain_db: Database, kind: Repo) -> None:
    sent: dict[str, list[list[str]]] = {}
    for number in (10, 30):
        rows = filled(domain_db, number)
        for name, call in {**COMMON, **OWN[kind]}.items():
            with opened(domain_db, kind) as session, counted(session) as statements:
                assert call(kind(session), rows), name
                sent.setdefault(name, []).append(list(statements))
    if domain_db.is_sqlite:  # in the process itself, and one row a statement: its RETURNING has no order
        sent = {name: lists for name, lists in sent.items() if name not in {"create_many", "upsert_many"}}
    few, many = ({name: len(statements[i]) for name, statements in sent.items()} for i in (0, 1))
    assert many == few
    assert all(few.values())


@pytest.mark.parametrize("number", [3, 30])
def test_tenders_with_related_take_three_statements(
    domain_db: Database, statements: list[tuple[str, Any]], number: int
) -> None:
    filled(domain_db, number)
    with domain_db.get_session(organization_id=1) as session:
        statements.clear()
        assert len(TenderRepository(session).list_with_related(limit=200)) == 2 * number
        assert len([text for text, _ in statements if "SELECT" in text and "tenders" in text]) == 3


def test_many_new_rows_are_sent_in_one_statement_to_postgresql(domain_postgresql: Database) -> None:
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(domain_postgresql.engine, "before_cursor_execute", record)
    with domain_postgresql.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create_many([Tender(title="New") for _ in range(100)])
        tenders.upsert_many([TenderContent(external_id=f"{n}", title="New") for n in range(100)])
    event.remove(domain_postgresql.engine, "before_cursor_execute", record)
    assert len([text for text in sent if "INSERT INTO tenders" in text]) == 2


@pytest.mark.parametrize("number", [3, 30])
def test_restoring_takes_three_statements_on_postgresql_and_one_a_table_on_sqlite(
    domain_db: Database, number: int
) -> None:
    rows = filled(domain_db, number)
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(rows.ids[Tender][0])
    with domain_db.get_session(organization_id=1) as session, counted(session) as statements:
        held = TenderNoticeRepository(session).find(include_deleted=True, limit=200)
        statements.clear()
        assert TenderRepository(session).restore(rows.ids[Tender][0])
    sent = [text.split()[0] for text in statements if "SAVEPOINT" not in text]
    tables = sum(map(len, reference_graph().cascades.levels(Tender.__table__)))
    assert sent == (["SELECT", "WITH", *["UPDATE"] * tables] if domain_db.is_sqlite else ["SELECT", "WITH", "WITH"])
    assert len(held) == number
    assert not any(notice.is_deleted for notice in held)


@pytest.mark.parametrize("number", [3, 30])
def test_a_deletion_looks_at_each_level_once_and_marks_what_it_finds(domain_db: Database, number: int) -> None:
    rows = filled(domain_db, number)
    with domain_db.get_session(organization_id=1) as session, counted(session) as statements:
        assert TenderRepository(session).soft_delete(rows.ids[Tender][0])
        assert TenderRepository(session).soft_delete(rows.ids[Tender][0]) is False
    levels = len(reference_graph().cascades.levels(Tender.__table__))
    assert len([text for text in statements if text.startswith("WITH")]) == levels - 1
    marked = [text.split()[1].removeprefix("main.") for text in statements if text.startswith("UPDATE")]
    assert marked == ["tenders", "analysis_results", "bid_documents", "tender_notices", "tenders"]
