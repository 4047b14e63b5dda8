"""Inserting what is new: one statement for many rows. (A faster way to bring in rows, such as COPY, goes here.)"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import col, insert

from ..models import Tender, TenderNotice
from ..tenancy import TenantSession
from .items import Release
from .mapping import TenderFields

# Or SQLAlchemy would leave the columns out that are None, and send a statement for each combination.
_ONE_STATEMENT = {"render_nulls": True}


class NewNotice(NamedTuple):
    """A release to keep with its tender."""

    tender_id: int
    digest: str
    release: Release


def insert_tenders(session: TenantSession, tenders: Sequence[TenderFields]) -> dict[str, int]:
    """Create the tenders: their ids by external id. The rest of each row, such as its status, is as in any new one.

    Raises:
        DuplicateError: a live tender has the external id by now.
        ConstraintError: the database refused a value.
    """
    if not tenders:
        return {}
    rows = [{**fields, "organization_id": session.organization_id} for fields in tenders]
    statement = insert(Tender).returning(col(Tender.external_id), col(Tender.id))
    inserted = session.exec(statement, params=rows, execution_options=_ONE_STATEMENT)
    return {external_id: tender_id for external_id, tender_id in inserted if external_id}


def insert_notices(session: TenantSession, notices: Sequence[NewNotice]) -> None:
    """Keep the releases as they were received. Raises as ``insert_tenders`` does."""
    if not notices:
        return
    rows = [
        {
            "organization_id": session.organization_id,
            "tender_id": notice.tender_id,
            "digest": notice.digest,
            "release_id": notice.release.release_id,
            "released_at": notice.release.released_at,
            "content": notice.release.content,
            "package": notice.release.package,
        }
        for notice in notices
    ]
    session.exec(insert(TenderNotice), params=rows, execution_options=_ONE_STATEMENT)
