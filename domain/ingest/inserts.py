"""Inserting what is new, in one statement for many rows.

On PostgreSQL the rows travel as one JSON text, which the server takes apart: hundreds of values for each of which a
parameter would have to be adapted here and parsed there cost more. (COPY into a table under row level security is
refused, and the application's login makes no temporary tables.)
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict

import orjson
from pydantic import JsonValue
from sqlalchemy import JSON, BigInteger, Column, Insert, Select, Table, Text, bindparam, cast, column, select
from sqlmodel import col, func, insert

from ..models import Tender, TenderContent, TenderNotice
from ..models.tables import TENANT
from ..tenancy import TRUSTED, TenantSession
from .mapping import TenderFields
from .ready import Ready

# Or SQLAlchemy would leave the columns out that are None, and send a statement for each combination.
_ONE_STATEMENT = {"render_nulls": True}


class NewNotice(NamedTuple):
    """A release to keep with its tender."""

    tender_id: int
    release: Ready


class _NoticeFields(TypedDict):
    tender_id: int
    digest: str
    release_id: str | None
    released_at: datetime | None
    content: str | dict[str, JsonValue]
    package: Mapping[str, JsonValue]


def insert_tenders(session: TenantSession, tenders: Sequence[str]) -> dict[str, int]:
    """Create the tenders, given as JSON (see ``ready.row``): their ids by external id.

    The rest of each row, such as its status, is as in any new one.

    Raises:
        DuplicateError: a live tender has the external id by now.
        ConstraintError: the database refused a value.
    """
    if not tenders:
        return {}
    returned = (col(Tender.external_id), col(Tender.id))
    if _is_postgresql(session):
        inserted = session.exec(_TENDERS.returning(*returned), **_sent(session, f"[{','.join(tenders)}]"))
    else:
        contents = map(TenderContent.model_validate_json, tenders)
        rows = [content.model_dump() | {TENANT: session.organization_id} for content in contents]
        inserted = session.exec(insert(Tender).returning(*returned), params=rows, execution_options=_ONE_STATEMENT)
    return {external_id: tender_id for external_id, tender_id in inserted if external_id}


def insert_notices(session: TenantSession, notices: Sequence[NewNotice]) -> None:
    """Keep the releases as they were received. Raises as ``insert_tenders`` does."""
    if not notices:
        return
    if _is_postgresql(session):
        texts = [_fields(notice, notice.release.written) for notice in notices]
        session.exec(_NOTICES, **_sent(session, orjson.dumps(texts).decode()))
    else:
        owner = {TENANT: session.organization_id}
        rows = [owner | _fields(notice, notice.release.content()) for notice in notices]
        session.exec(insert(TenderNotice), params=rows, execution_options=_ONE_STATEMENT)


def _fields(notice: NewNotice, content: str | dict[str, JsonValue]) -> _NoticeFields:
    return _NoticeFields(
        tender_id=notice.tender_id,
        digest=notice.release.digest,
        release_id=notice.release.release_id,
        released_at=notice.release.released_at,
        content=content,
        package=notice.release.package,
    )


def _is_postgresql(session: TenantSession) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _sent(session: TenantSession, rows: str) -> Any:
    return {"params": {TENANT: session.organization_id, "rows": rows}, "execution_options": {TRUSTED: True}}


def _insert_rows(table: Table, names: Sequence[str], *, as_text: str | None = None) -> Insert:
    """INSERT of a JSON array of objects. ``as_text`` is a JSON column whose values come as texts: they may hold
    escapes, such as that of NUL, that PostgreSQL keeps but does not take apart."""
    typed: list[Column[Any]] = [table.c[name] for name in names]
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text()), JSON)).table_valued(
        *(column(known.name, Text() if known.name == as_text else known.type) for known in typed)
    )
    rows = given.render_derived(name="given", with_types=True)
    values = [cast(rows.c[name], JSON) if name == as_text else rows.c[name] for name in names]
    selected: Select[Any] = select(bindparam(TENANT, type_=BigInteger()), *values)
    return insert(table).from_select([TENANT, *names], selected)


_TENDERS = _insert_rows(Tender.__table__, list(TenderFields.__annotations__))
_NOTICES = _insert_rows(TenderNotice.__table__, list(_NoticeFields.__annotations__), as_text="content")
