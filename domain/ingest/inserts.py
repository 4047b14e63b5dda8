"""Inserting what is new, in one statement for many rows.

On PostgreSQL the rows travel as one JSON text, which the server takes apart: hundreds of values for each of which a
parameter would have to be adapted here and parsed there cost more. The contents travel beside them, joined by a
character that JSON does not contain: taking JSON out of JSON would cost the server up to half as much again. (COPY
into a table under row level security is refused, and the application's login makes no temporary tables.)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    FromClause,
    Insert,
    Integer,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    cast,
    column,
    select,
)
from sqlmodel import col, func, insert

from ..models import Tender, TenderContent, TenderNotice
from ..models.tables import ORGANIZATION_ID
from ..tenancy import TRUSTED, TenantSession
from .mapping import TenderFields
from .ready import Ready

# Or SQLAlchemy would leave the columns out that are None, and send a statement for each combination.
_ONE_STATEMENT = {"render_nulls": True}
_SEPARATOR = "\x1e"  # "record separator"


class NewNotice(NamedTuple):
    """A release to keep with its tender."""

    tender_id: int
    release: Ready


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
        inserted = session.exec(_TENDERS.returning(*returned), **_sent(session, rows=f"[{','.join(tenders)}]"))
    else:
        contents = map(TenderContent.model_validate_json, tenders)
        rows = [content.model_dump() | {ORGANIZATION_ID: session.organization_id} for content in contents]
        inserted = session.exec(insert(Tender).returning(*returned), params=rows, execution_options=_ONE_STATEMENT)
    return {external_id: tender_id for external_id, tender_id in inserted if external_id}


def insert_notices(session: TenantSession, notices: Sequence[NewNotice]) -> None:
    """Keep the releases as they were received. Raises as ``insert_tenders`` does."""
    if not notices:
        return
    rows = [_fields(notice) for notice in notices]
    if _is_postgresql(session):
        numbered = [fields | {"position": position} for position, fields in enumerate(rows, start=1)]
        contents = _SEPARATOR.join(notice.release.written for notice in notices)
        session.exec(_NOTICES, **_sent(session, rows=orjson.dumps(numbered).decode(), contents=contents))
    else:
        for fields, notice in zip(rows, notices, strict=True):
            fields |= {ORGANIZATION_ID: session.organization_id, "content": notice.release.content()}
        session.exec(insert(TenderNotice), params=rows, execution_options=_ONE_STATEMENT)


def _fields(notice: NewNotice) -> dict[str, Any]:
    """Of a row: all but the content."""
    tender_id, release = notice
    return {
        "tender_id": tender_id,
        "digest": release.digest,
        "release_id": release.release_id,
        "released_at": release.released_at,
        "package": release.package,
    }


def _is_postgresql(session: TenantSession) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _sent(session: TenantSession, **texts: str) -> Any:
    return {"params": {ORGANIZATION_ID: session.organization_id, **texts}, "execution_options": {TRUSTED: True}}


def _given(*columns: Column[Any]) -> TableValuedAlias:
    """The rows of the parameter ``rows``, a JSON array of objects."""
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text()), JSON))
    fields = (column(known.name, known.type) for known in columns)
    return rows.table_valued(*fields).render_derived(name="given", with_types=True)


def _insert(table: Table, rows: FromClause, **values: Any) -> Insert:
    owner = bindparam(ORGANIZATION_ID, type_=BigInteger())
    return insert(table).from_select([ORGANIZATION_ID, *values], select(owner, *values.values()).select_from(rows))


def _insert_tenders() -> Insert:
    table = Tender.__table__
    given = _given(*(table.c[name] for name in TenderFields.__annotations__))
    return _insert(table, given, **given.c)


def _insert_notices() -> Insert:
    table = TenderNotice.__table__
    named = ("tender_id", "digest", "release_id", "released_at", "package")
    given = _given(Column("position", Integer), *(table.c[name] for name in named))
    parts = func.unnest(func.string_to_array(bindparam("contents", type_=Text()), _SEPARATOR))
    contents = parts.table_valued("content", with_ordinality="position", name="contents").render_derived()
    rows = given.join(contents, contents.c.position == given.c.position)
    return _insert(table, rows, content=cast(contents.c.content, JSON), **{name: given.c[name] for name in named})


_TENDERS = _insert_tenders()
_NOTICES = _insert_notices()
