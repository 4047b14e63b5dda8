"""The UPDATEs of a tender's status, each built once."""

from functools import cache
from typing import Any

from sqlalchemy import bindparam, case
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, update

from ..models import Tender, TenderStatus
from ..tenancy import prebuilt
from .statements import Statements

NEW, EXPECTED = "new_{}", "expected_{}"  # parameters by column


@cache
def set_status(
    sql: Statements[Tender], *, expected: frozenset[str], new: frozenset[str], processing: bool
) -> ReturningUpdate[Any]:
    """Set the columns ``new`` of the live tender KEY while the columns ``expected`` are as they should be."""
    columns = sql.table.c
    values: dict[str, Any] = {name: bindparam(NEW.format(name), type_=columns[name].type) for name in new}
    values["version"] = columns.version + 1
    # Processing again, the lease stays; anew, nobody has one.
    still = col(Tender.status) == TenderStatus.PROCESSING
    values["leased_until"] = case((still, col(Tender.leased_until))) if processing else None
    as_expected = (columns[name] == bindparam(EXPECTED.format(name), type_=columns[name].type) for name in expected)
    statement = update(Tender).where(*sql.scope, sql.is_live, sql.by_key, *as_expected)
    return prebuilt(statement.values(values).returning(columns.id), Tender)
