"""No method of a repository reads, counts, changes, refers to or names what belongs to another organization.

Every public method of every repository is called here; one that is added has to be, too.
"""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState

import domain
from domain import (
    AnalysisPatch,
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    BidPatch,
    ConstraintError,
    Database,
    DomainError,
    DomainModel,
    DuplicateError,
    NotFoundError,
    OrganizationRepository,
    TenantRepository,
    TenantScopeError,
    TenantSession,
    Tender,
    TenderNotice,
    TenderNoticeRepository,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    Upserted,
    User,
    UserPatch,
    UserRepository,
)
from domain.kit.model.tables import live_unique_indexes
from domain.tenders.notices import TenderNoticeContent
from domain.testing import build

Rows = Callable[[type[Any]], list[dict[str, Any]]]
Make = Callable[..., Any]
Repo = Any  # the class of a TenantRepository, of whatever model
Call = Callable[[Any, Any], object]

SECRET = "confidential"
EMAIL = f"{SECRET}@example.org"
SECRETS: dict[type[DomainModel], dict[str, Any]] = {
    User: {"email": EMAIL, "full_name": SECRET},
    Tender: {"title": f"{SECRET} bridge", "external_id": SECRET},
    TenderNotice: {"release_id": SECRET, "content": {SECRET: SECRET}},
    AnalysisResult: {"recommendation": SECRET, "overall_score": 9.5, "processing_cost": "1"},
    BidDocument: {"approach": SECRET},
}


class NoticePatch(TenderNoticeContent, domain.Patch):
    """A patch of a model that has none."""


PATCHES: dict[type[DomainModel], DomainModel] = {
    User: UserPatch.model_validate({"full_name": "Taken over"}),
    Tender: TenderPatch(title="Taken over"),
    TenderNotice: NoticePatch.model_validate({"release_id": "Taken over"}),
    AnalysisResult: AnalysisPatch.model_validate({"recommendation": "Taken over"}),
    BidDocument: BidPatch.model_validate({"approach": "Taken over"}),
}


def twin(row: Any) -> Any:
    """A new object with the natural key of a row, and what the row refers to."""
    model: type[Any] = row.__class__
    references = {column.key for column in row.__table__.c if "tenant_key" in column.info}
    key = set(live_unique_indexes(row.__table__)[0].info["live_unique"])
    fields = {name: getattr(row, name) for name in key | references}
    return build(model, **fields, **{name: value for name, value in OVER[model].items() if name not in fields})


OVER: dict[type[DomainModel], dict[str, Any]] = {
    User: {"full_name": "Thief"},
    Tender: {"title": "Twin"},
    TenderNotice: {},
    AnalysisResult: {},
    BidDocument: {},
}

COMMON: dict[str, Call] = {
    "get": lambda repository, row: repository.get(row.id, include_deleted=True),
    "require": lambda repository, row: repository.require(row.id, include_deleted=True),
    "find": lambda repository, _: repository.find(include_deleted=True),
    "count": lambda repository, _: repository.count(include_deleted=True),
    "exists": lambda repository, _: repository.exists(include_deleted=True),
    "page": lambda repository, _: repository.page(with_total=True),
    "stream": lambda repository, _: list(repository.stream()),
    "add": lambda repository, row: repository.add(twin(row)),
    "put": lambda repository, row: repository.put(twin(row)),
    "create_many": lambda repository, row: repository.create_many([twin(row)]),
    "upsert_many": lambda repository, row: repository.upsert_many([twin(row)]),
    "create": lambda repository, row: repository.create(**set_on(twin(row))),
    "update": lambda repository, row: repository.update(row.id, PATCHES[type(row)]),
    "soft_delete": lambda repository, row: repository.soft_delete(row.id),
    "preview_delete": lambda repository, row: repository.preview_delete(row.id),
    "restore": lambda repository, row: repository.restore(row.id),
}


def set_on(entity: DomainModel) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in entity.model_fields_set}


OWN: dict[Any, dict[str, Call]] = {
    UserRepository: {
        "get_by_id": lambda users, row: users.get_by_id(row.id),
        "get_by_email": lambda users, row: users.get_by_email(row.email),
        "list_by_organization": lambda users, _: users.list_by_organization(),
        "update_last_login": lambda users, row: users.update_last_login(row.id),
    },
    TenderRepository: {
        "get_by_id": lambda tenders, row: tenders.get_by_id(row.id),
        "get_by_external_id": lambda tenders, _: tenders.get_by_external_id(SECRET),
        "list_by_organization": lambda tenders, _: tenders.list_by_organization(),
        "list_with_related": lambda tenders, _: tenders.list_with_related(),
        "count_by_organization": lambda tenders, _: tenders.count_by_organization(),
        "count_by_status": lambda tenders, _: sum(tenders.count_by_status().values()),
        "search": lambda tenders, _: tenders.search(SECRET),
        "update_status": lambda tenders, row: tenders.update_status(row.id, TenderStatus.ERROR, "Taken over"),
        "claim": lambda tenders, _: tenders.claim(limit=9),
        "renew": lambda tenders, row: tenders.renew(row.id, row.version),
    },
    TenderNoticeRepository: {
        "list_by_tender_id": lambda notices, row: notices.list_by_tender_id(row.tender_id),
    },
    AnalysisRepository: {
        "upsert": lambda analyses, row: analyses.upsert(**set_on(twin(row))),
        "get_by_tender_id": lambda analyses, row: analyses.get_by_tender_id(row.tender_id),
        "update_rating": lambda analyses, row: analyses.update_rating(row.tender_id, 1),
        "get_high_score_tenders": lambda analyses, _: analyses.get_high_score_tenders(min_score=0),
        "costs_by_month": lambda analyses, _: analyses.costs_by_month(),
    },
    BidDocumentRepository: {
        "upsert": lambda bids, row: bids.upsert(**set_on(twin(row))),
        "get_by_tender_id": lambda bids, row: bids.get_by_tender_id(row.tender_id),
        "list_by_organization": lambda bids, _: bids.list_by_organization(),
    },
}
CALLS: list[tuple[Any, str, Call]] = [
    (kind, name, call) for kind, own in OWN.items() for name, call in {**COMMON, **own}.items()
]
every_method = pytest.mark.parametrize(
    ("kind", "name", "call"), CALLS, ids=[f"{kind.__name__}.{name}" for kind, name, _ in CALLS]
)
WRITES_A_TWIN = {"add", "put", "create", "create_many", "upsert", "upsert_many"}


def test_every_public_method_of_every_repository_is_called_here() -> None:
    exported: set[Repo] = {
        kind
        for kind in vars(domain).values()
        if isinstance(kind, type) and issubclass(kind, TenantRepository) and kind is not TenantRepository
    }
    assert set(OWN) == exported
    for kind, own in OWN.items():
        methods = {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))}
        assert methods - {"model"} == {*COMMON, *own}, kind.__name__


def answered(answer: Any) -> Any:
    """What an answer has in it; a page, its rows and their number."""
    is_page = isinstance(answer, domain.Page)
    found: Any = vars(cast(object, answer)) if is_page else {"items": answer, "total": None}
    return found["items"] or found["total"]


@pytest.fixture
def snapshot(stored_rows: Rows) -> Callable[[], dict[str, list[dict[str, Any]]]]:
    """All that is stored for organization 1."""

    models: list[type[Any]] = [domain.Organization, *SECRETS]

    def taken() -> dict[str, list[dict[str, Any]]]:
        return {
            model.__name__: [row for row in stored_rows(model) if row.get("organization_id", row["id"]) == 1]
            for model in models
        }

    return taken


class Naming:
    """A repository that is told the organization 1 on each call."""

    def __init__(self, repository: TenantRepository[Any]) -> None:
        self._repository = repository

    def __getattr__(self, method: str) -> Callable[..., object]:
        keyword = "organization_id" if method in {"create", "upsert"} else "org_id"

        def named(*arguments: Any, **keywords: Any) -> object:
            return getattr(self._repository, method)(*arguments, **keywords, **{keyword: 1})

        return named


@every_method
def test_nothing_of_another_organization_is_reached(
    domain_db: Database,
    make: Make,
    snapshot: Callable[[], dict[str, list[dict[str, Any]]]],
    kind: Repo,
    name: str,
    call: Call,
) -> None:
    row = make(kind.model, **SECRETS[kind.model])
    if name == "restore":
        with domain_db.get_session(organization_id=1) as session:
            kind(session).soft_delete(row.id)
    before = snapshot()
    with domain_db.get_session(organization_id=2) as session, pytest.raises(TenantScopeError):
        call(Naming(kind(session)), row)
    error: DomainError | None = None
    answer: object = None
    try:
        with domain_db.get_session(organization_id=2) as session:
            answer = call(kind(session), row)
            seen = [entity for entity in session.identity_map.values() if isinstance(entity, domain.TenantEntity)]
            assert {entity.organization_id for entity in seen} <= {2}
    except DomainError as refused:
        error = refused
    assert snapshot() == before
    assert before[kind.model.__name__]
    if name not in WRITES_A_TWIN:
        assert SECRET not in repr(answer)
        assert not answered(answer)
        assert isinstance(error, NotFoundError) == (name in {"require", "update"})
    elif kind is UserRepository:
        assert isinstance(error, DuplicateError)
    elif kind is TenderRepository:
        assert error is None
        assert answer == Upserted(1, 0, 0) if name == "upsert_many" else answer
    else:
        assert isinstance(error, ConstraintError)
    while error is not None:
        assert SECRET not in f"{error!s} {vars(error)!r}"
        assert "Taken over" not in str(error)
        error = error.__cause__ if isinstance(error.__cause__, DomainError) else None


# -- statements -------------------------------------------------------------------------------------------------

TABLES = {model.__table__.name for model in SECRETS}


@contextmanager
def built_statements(database: Database) -> Generator[list[str]]:
    """The text of the ORM's statements as the repositories build them, before any guard of the session adds to them."""
    texts: list[str] = []

    def record(state: ORMExecuteState) -> None:
        statement: Any = state.statement
        texts.append(str(statement.compile(dialect=database.engine.dialect)))

    event.listen(TenantSession, "do_orm_execute", record, insert=True)
    yield texts
    event.remove(TenantSession, "do_orm_execute", record)


def condition_of(statement: str) -> str:
    """From the first ON or WHERE on; of an upsert what decides over the row that is there."""
    if statement.lstrip().startswith("INSERT"):
        return statement.partition("DO UPDATE")[2]
    return re.split(r"\b(?:ON|WHERE)\b", statement, maxsplit=1)[-1]


def scopes(statement: str, parameters: Any) -> list[object]:
    """The values that organization_id is compared with, in the order of the text."""
    start = statement.index(condition_of(statement)) if condition_of(statement) else len(statement)
    values: list[object] = []
    for match in re.finditer(r"organization_id = (?:%\((\w+)\)s|(\?))", statement):
        if match.start() >= start:
            place = match[1] or statement[: match.start(2)].count("?")
            values.append(parameters[place])
    for match in re.finditer(r"organization_id, \w+\.\w+\) IN \((?:VALUES )?\((?:%\((\w+)\)s|(\?))", statement):
        place = match[1] or statement[: match.start(2)].count("?")
        values.append(parameters[place])
    return values


@every_method
def test_every_statement_carries_the_organization(
    domain_db: Database,
    make: Make,
    statements: list[tuple[str, Any]],
    kind: Repo,
    name: str,
    call: Call,
) -> None:
    row = make(kind.model, **SECRETS[kind.model])
    if name == "restore" or name in WRITES_A_TWIN - {"put", "upsert", "upsert_many"}:
        with domain_db.get_session(organization_id=1) as session:
            kind(session).soft_delete(row.id)
    statements.clear()
    with built_statements(domain_db) as built, domain_db.get_session(organization_id=1) as session:
        call(kind(session), row)
    sent = [
        (text, parameters)
        for text, parameters in statements
        if TABLES & set(re.findall(r"\w+", text)) and ("INSERT" not in text or "ON CONFLICT" in text)
    ]
    written_only = name in {"add", "create", "create_many"}
    assert sent or (written_only and kind in {UserRepository, TenderRepository})
    for text, parameters in sent:
        values = scopes(text, parameters)
        assert values, text
        assert set(values) == {1}, text
    for text in built:
        if TABLES & set(re.findall(r"\w+", text)) and ("INSERT" not in text or "ON CONFLICT" in text):
            assert re.search(r"organization_id(?: = |, \w+\.\w+\) IN )", condition_of(text)), text


ORGANIZATION_CALLS: dict[str, Callable[[OrganizationRepository], object]] = {
    "get_by_id": lambda organizations: organizations.get_by_id(1),
    "find": lambda organizations: organizations.find(),
    "count": lambda organizations: organizations.count(),
    "page": lambda organizations: organizations.page(with_total=True),
    "list_active": lambda organizations: organizations.list_active(),
    "get_by_slug": lambda organizations: organizations.get_by_slug("first"),
    "update": lambda organizations: organizations.update(1, domain.OrganizationPatch.model_validate({"name": "New"})),
    "update_usage": lambda organizations: organizations.update_usage(1),
    "return_usage": lambda organizations: organizations.update_usage(1) and organizations.return_usage(1),
    "reset_monthly_usage": lambda organizations: organizations.reset_monthly_usage(1),
    "can_analyze": lambda organizations: organizations.can_analyze(1),
    "put": lambda organizations: organizations.put(build(domain.Organization, slug="first")),
    "soft_delete": lambda organizations: organizations.soft_delete(1),
}


@pytest.mark.parametrize("name", ORGANIZATION_CALLS)
def test_every_statement_over_organizations_carries_the_id(
    domain_db: Database, statements: list[tuple[str, Any]], name: str
) -> None:
    statements.clear()
    with domain_db.get_session(organization_id=1) as session:
        assert ORGANIZATION_CALLS[name](OrganizationRepository(session))
    sent = [(text, parameters) for text, parameters in statements if re.search(r"\borganizations\b", text)]
    assert sent
    for text, parameters in sent:
        ids = [*re.finditer(r"(?:organizations\.id|organizations WHERE id) = (?:%\((\w+)\)s|(\?))", text)]
        assert ids, text
        for match in ids:
            assert parameters[match[1] or text[: match.start(2)].count("?")] == 1, text
