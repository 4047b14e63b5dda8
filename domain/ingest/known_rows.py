"""Stored rows of a batch's tenders: one statement for each question, however many tenders there are."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy import ColumnElement
from sqlmodel import col, select

from ..errors import OrganizationDeletedError
from ..kit.model.base import DomainModel
from ..kit.model.tables import of_organization
from ..kit.repository.recordset import among
from ..kit.session import TenantSession, including_deleted
from ..organizations.model import Organization
from ..tenders.model import Tender
from ..tenders.notices import TenderNotice
from ..tenders.purged import PurgedTender
from .mapping import TenderFields

Packages: TypeAlias = dict[str, Mapping[str, JsonValue] | None]
"""The packages around a tender's notices, by the notices' digests; None for deleted ones, which stay as they are."""

Ids: TypeAlias = dict[str, int]
"""Of tenders, by their external ids."""

Row: TypeAlias = dict[str, Any]
"""Values by the names of their columns."""

_NOTICE = "id", "digest", "released_at", "content", "package", "is_deleted", "is_superseded"
_ROWS = 50  # in memory at a time; each may have a megabyte


def lock_organization(session: TenantSession) -> None:
    """Keep the organization from being deleted until the transaction ends; raises where it is deleted already.

    Before the tenders are locked, in which order a deletion does it too.
    """
    this = of_organization(Organization, session.organization_id), ~col(Organization.is_deleted)
    if not session.exec(select(Organization.id).where(*this).with_for_update(read=True, key_share=True)).all():
        raise OrganizationDeletedError(session.organization_id)


def known_tenders(session: TenantSession, external_ids: Collection[str]) -> tuple[Ids, Ids]:
    """The live tenders, and the last deleted one of each external id; purged ones count, with ids below zero."""
    tenders = select(Tender.external_id, Tender.id, Tender.is_deleted)
    tenders = tenders.where(_among(session, Tender, "external_id", external_ids))
    purged = select(PurgedTender.external_id, -col(PurgedTender.id), sa.true())
    purged = purged.where(_among(session, PurgedTender, "external_id", external_ids))
    # Live and deleted tenders have an index each.
    parts = tenders.where(~col(Tender.is_deleted)).union_all(tenders.where(col(Tender.is_deleted)), purged).subquery()
    ids: tuple[Ids, Ids] = {}, {}
    found = select(parts.c.external_id, parts.c.id, parts.c.is_deleted).order_by(parts.c.id)
    for external_id, tender_id, is_deleted in session.exec(including_deleted(found)):
        ids[is_deleted][external_id] = tender_id
    return ids


def locked_tenders(session: TenantSession, external_ids: Collection[str]) -> dict[int, Row]:
    """The live tenders' ids and contents by id, locked until the transaction ends: what is read next stays true."""
    named = _among(session, Tender, "external_id", external_ids), ~col(Tender.is_deleted)
    statement = _select(Tender, "id", *TenderFields.__annotations__).where(*named)
    # In the same order for everybody, or two imports could wait for each other. References to them stay possible.
    statement = statement.order_by(col(Tender.id)).with_for_update(key_share=True, of=Tender)
    return {row["id"]: row for row in _rows(session, statement)}


def packages(session: TenantSession, tender_ids: Collection[int], digests: Collection[str]) -> dict[int, Packages]:
    """The known packages of these releases, without their contents; deleted notices are known, too."""
    package = sa.case((~col(TenderNotice.is_deleted), col(TenderNotice.package)))
    statement = select(TenderNotice.tender_id, TenderNotice.digest, package).where(
        _among(session, TenderNotice, "tender_id", tender_ids), among(session, TenderNotice, "digest", digests)
    )
    found: dict[int, Packages] = {tender_id: {} for tender_id in tender_ids}
    for tender_id, digest, package in session.exec(including_deleted(statement)):
        found[tender_id][digest] = package
    return found


def with_notices(
    session: TenantSession, tenders: Mapping[int, Row], digests: Collection[str]
) -> Iterator[tuple[Row, list[Row]]]:
    """Each tender with its notices as they were received: deleted ones too, superseded ones if among these digests."""
    left = dict(tenders)
    theirs = _among(session, TenderNotice, "tender_id", tenders)
    wanted = ~col(TenderNotice.is_superseded) | among(session, TenderNotice, "digest", digests)
    statement = _select(TenderNotice, "tender_id", *_NOTICE).where(theirs, wanted).order_by("tender_id", "id")
    rows = _rows(session, including_deleted(statement))
    for tender_id, notices in groupby(rows, key=itemgetter("tender_id")):
        yield left.pop(tender_id), list(notices)
    for tender in left.values():
        yield tender, []


def _select(model: type[DomainModel], *names: str) -> Any:
    return cast(Any, select)(*(getattr(model, name) for name in names))


def _rows(session: TenantSession, statement: Any) -> Iterator[Row]:
    found = cast(Any, session.exec(statement, execution_options={"yield_per": _ROWS}))
    return map(dict, cast("Iterable[Row]", found.mappings()))


def _among(
    session: TenantSession, model: type[DomainModel], name: str, values: Collection[object]
) -> ColumnElement[bool]:
    return of_organization(model, session.organization_id) & among(session, model, name, values)
