"""The system's own records (who went across organizations, what was purged) are for system sessions alone."""

from typing import Any

from sqlalchemy import Table, TableClause, event, inspect

from ..errors import ArgumentError
from ..models.base import REGISTRY
from .sessions import TenantSession


@event.listens_for(TenantSession, "before_attach")
def _check_attach(_session: TenantSession, entity: object) -> None:
    refuse_record(type(entity))


def refuse_record(model: type[object]) -> None:
    """Raise ArgumentError for a model of the system's own."""
    _refuse(inspect(model).local_table)


def _refuse(part: Any) -> None:
    table = REGISTRY.metadata.tables.get(part.description.lower()) if isinstance(part, TableClause) else None
    if isinstance(table, Table) and table.info.get("of_the_system"):
        raise ArgumentError(
            f"{table.name} is the system's own record: read it in db.system_session(actor=..., reason=...);"
            " nothing of it is in a tenant session, and nothing but the library writes it"
        )
