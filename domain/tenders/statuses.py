"""The UPDATE of ``TenderRepository.update_status``, built once for each set of columns. (``claims`` has a claim's.)"""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, update
from sqlalchemy.sql.dml import ReturningUpdate

from ..kit.repository.statements import KEY, Statements
from ..kit.session import own
from .model import Tender, TenderStatus

NEW, EXPECTED = "new_{}", "expected_{}"  # parameters by column


@cache
def set_status(
    sql: Statements[Tender], *, expected: frozenset[str], new: frozenset[str], processing: bool
) -> ReturningUpdate[Any]:
    """Set the columns ``new`` of the live tender KEY while the columns ``expected`` are as they should be."""
    columns = sql.table.c
    values: dict[str, Any] = {name: bindparam(NEW.format(name), type_=columns[name].type) for name in new}
    values["version"] = columns.version + 1
    # To set processing keeps the lease of a tender that was in processing already, and clears any other.
    still = columns.status == TenderStatus.PROCESSING
    values["leased_until"] = case((still, columns.leased_until)) if processing else None
    as_expected = (columns[name] == bindparam(EXPECTED.format(name), type_=columns[name].type) for name in expected)
    this = columns.id == bindparam(KEY, type_=BigInteger())
    statement = update(sql.table).where(sql.table_organization, ~columns.is_deleted, this, *as_expected)
    return own(statement.values(values).returning(columns.id))
