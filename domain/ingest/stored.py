"""What the database holds of a batch: one statement for each question, however many tenders there are."""

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import TypeAlias

from pydantic import JsonValue
from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from ..models import Tender, TenderNotice
from ..tenancy import TenantSession, including_deleted

Packages: TypeAlias = dict[str, Mapping[str, JsonValue]]
"""What the packages around a tender's notices said, by the notices' digests."""

_ROWS = 50
"""In memory at a time; each may have a megabyte."""


def live_tenders(session: TenantSession, external_ids: Collection[str]) -> dict[str, int]:
    """The ids of the live tenders, by external id."""
    statement = select(Tender.external_id, Tender.id).where(*_named(session, external_ids), ~col(Tender.is_deleted))
    return {external_id: tender_id for external_id, tender_id in session.exec(statement) if external_id}


def deleted_tenders(session: TenantSession, external_ids: Collection[str]) -> dict[str, int]:
    """The ids of the deleted tenders, the last of each external id."""
    statement = select(Tender.external_id, func.max(Tender.id)).where(*_named(session, external_ids))
    statement = statement.where(col(Tender.is_deleted)).group_by(col(Tender.external_id))
    found = session.exec(including_deleted(statement))
    return {external_id: tender_id for external_id, tender_id in found if external_id}


def locked_tenders(session: TenantSession, external_ids: Collection[str]) -> dict[int, Tender]:
    """The live tenders by id, locked until the transaction ends: what is read of them next stays true."""
    statement = select(Tender).where(*_named(session, external_ids), ~col(Tender.is_deleted))
    # In the same order for everybody, or two imports could wait for each other. References to them stay possible.
    statement = statement.order_by(col(Tender.id)).with_for_update(key_share=True)
    return {tender.id: tender for tender in session.exec(statement)}


def packages(session: TenantSession, tender_ids: Collection[int], digests: Collection[str]) -> dict[int, Packages]:
    """What is known of these releases, without reading their contents; deleted notices are known, too."""
    statement = select(TenderNotice.tender_id, TenderNotice.digest, col(TenderNotice.package)).where(
        *_of(session, tender_ids), col(TenderNotice.digest).in_(list(digests))
    )
    found: dict[int, Packages] = {tender_id: {} for tender_id in tender_ids}
    for tender_id, digest, package in session.exec(including_deleted(statement)):
        found[tender_id][digest] = package
    return found


def with_notices(session: TenantSession, tenders: Mapping[int, Tender]) -> Iterator[tuple[Tender, list[TenderNotice]]]:
    """Each tender with its notices, deleted ones included."""
    left = dict(tenders)
    statement = select(TenderNotice).where(*_of(session, tenders)).order_by(col(TenderNotice.tender_id))
    rows = session.exec(including_deleted(statement), execution_options={"yield_per": _ROWS})
    for tender_id, notices in groupby(rows, key=lambda notice: notice.tender_id):
        yield left.pop(tender_id), list(notices)
    for tender in left.values():
        yield tender, []


def _named(session: TenantSession, external_ids: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return col(Tender.organization_id) == session.organization_id, col(Tender.external_id).in_(list(external_ids))


def _of(session: TenantSession, tender_ids: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    owned = col(TenderNotice.organization_id) == session.organization_id
    return owned, col(TenderNotice.tender_id).in_(list(tender_ids))
