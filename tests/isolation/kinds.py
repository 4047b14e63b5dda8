"""The tables of the state machine: their models and repositories, and statements over all of them."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Engine, Select, String, bindparam, cast, literal, null, select, union_all
from sqlmodel import col

from domain import (
    AnalysisPatch,
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    BidPatch,
    Tender,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.kit.model import DomainModel, TenantEntity
from domain.kit.repository import TenantRepository
from tests.isolation.world import Key, Kind, Ref, Row


class Table(NamedTuple):
    """How a kind is stored; ``key`` and ``text`` name its columns."""

    model: type[TenantEntity]
    repository: type[TenantRepository[Any]]
    key: str
    text: str
    patch: type[DomainModel] | None = None


TABLES: dict[Kind, Table] = {
    Kind.TENDER: Table(Tender, TenderRepository, "external_id", "title", TenderPatch),
    Kind.ANALYSIS: Table(AnalysisResult, AnalysisRepository, "tender_id", "recommendation", AnalysisPatch),
    Kind.BID: Table(BidDocument, BidDocumentRepository, "tender_id", "executive_summary", BidPatch),
    Kind.USER: Table(User, UserRepository, "email", "full_name"),
}


class Facts(NamedTuple):
    """What is compared of a row."""

    kind: str
    organization_id: int
    id: int
    key: str | None
    text: str
    status: str | None
    version: int
    is_deleted: bool


def facts(ref: Ref, row: Row, organizations: list[int]) -> Facts:
    """Of the model's row."""
    status = row.status if ref[0] is Kind.TENDER else None
    key = None if row.key is None else str(row.key)
    return Facts(ref[0], organizations[row.place], ref[1], key, row.text, status, row.version, row.is_deleted)


def shown(kind: Kind, entity: Any) -> Facts:
    """Of an object that a repository returned."""
    table = TABLES[kind]
    key: Key = getattr(entity, table.key)
    status: TenderStatus | None = getattr(entity, "status", None)
    return Facts(
        kind,
        entity.organization_id,
        entity.id,
        None if key is None else str(key),
        getattr(entity, table.text),
        status,
        entity.version,
        entity.is_deleted,
    )


@cache
def everything() -> CompoundSelect[Any]:
    """Every row of every kind, of whatever organization: nothing in the statement says which."""
    parts: list[Any] = [
        select(
            literal(kind.value),
            col(table.model.organization_id),
            col(table.model.id),
            cast(getattr(table.model, table.key), String),
            getattr(table.model, table.text),
            getattr(table.model, "status", null()),
            col(table.model.version),
            col(table.model.is_deleted),
        )
        for kind, table in TABLES.items()
    ]
    return union_all(*parts)


def stored(witness: Engine, organizations: list[int]) -> set[Facts]:
    """The committed rows of some organizations, read past all of our code."""
    with witness.connect() as connection:
        return {Facts(*row) for row in connection.execute(_of_organizations(), {"organizations": organizations})}


@cache
def _of_organizations() -> Select[Any]:
    owned = everything().subquery()
    return select(owned).where(owned.c.organization_id.in_(bindparam("organizations", expanding=True)))
