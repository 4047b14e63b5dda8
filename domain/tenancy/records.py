"""The system's own records (who went across organizations, what was purged) are for system sessions alone."""

from typing import Any

from sqlalchemy import Table, TableClause, event, inspect
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.sql.visitors import iterate

from ..errors import ArgumentError
from ..models.base import REGISTRY
from .options import TRUSTED
from .sessions import TenantSession


@event.listens_for(TenantSession, "do_orm_execute")
def _check_statement(state: ORMExecuteState) -> None:
    # Repositories look at their own session (see ``refuse_record``): of a trusted statement the model is enough.
    statement: Any = state.statement
    if not state.execution_options.get(TRUSTED):
        for part in iterate(statement):
            _refuse(part)
            _refuse(getattr(part, "table", None))
    elif state.bind_mapper is not None:
        _refuse(state.bind_mapper.local_table)


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
