"""Deleted rows stay out of every statement that does not ask for them, and none is removed in passing."""

from typing import Any, TypeVar

from sqlalchemy import Delete, Executable, Update, event
from sqlalchemy.orm import Mapper, ORMExecuteState, UOWTransaction
from sqlmodel import col

from ..errors import ArgumentError, HardDeletionError
from ..models import Entity
from ..models.base import REGISTRY
from ..private import keeps_the_order
from .inspection import assigned
from .options import INCLUDE_DELETED, PURGING, TRUSTED
from .sessions import DomainSession

StatementT = TypeVar("StatementT", bound=Executable)

VERSION = "version"


def including_deleted(statement: StatementT) -> StatementT:
    """The statement over deleted rows as well, wherever it names a model: ``including_deleted(select(Tender))``."""
    return statement.execution_options(**{INCLUDE_DELETED: True})


def wants_live(state: ORMExecuteState) -> bool:
    """Whether deleted rows have to be left out: a repository's statements say themselves what they are after."""
    options = state.execution_options
    if options.get(INCLUDE_DELETED) or options.get(PURGING):
        return False
    return state.is_relationship_load or not options.get(TRUSTED)


def keep_rows(state: ORMExecuteState) -> None:
    """Let an UPDATE raise the version. Raises HardDeletionError for a DELETE that is not the purge's."""
    statement: Any = state.statement
    if isinstance(statement, Delete):
        model = _deletable(statement)
        if model is not None and not state.execution_options.get(PURGING):
            raise HardDeletionError(model.__name__)
    elif isinstance(statement, Update) and not state.execution_options.get(TRUSTED):
        model = _deletable(statement)
        given: dict[str, object] = state.parameters if isinstance(state.parameters, dict) else {}
        by_key = isinstance(state.parameters, list)  # an UPDATE for each row, which the ORM checks itself
        if model is not None and not by_key and VERSION not in {*assigned(statement), *given}:
            # Or an object that was read before would be saved over it.
            if keeps_the_order(statement):
                raise ArgumentError("update().ordered_values() has to set the version, too; or use values()")
            state.statement = statement.values({VERSION: col(model.version) + 1})


def deletable(mapper: Mapper[Any]) -> bool:
    """Whether rows of the class are marked as deleted, not removed."""
    return issubclass(mapper.class_, Entity)


def _deletable(statement: Delete | Update) -> type[Entity] | None:
    table = getattr(statement.table, "element", statement.table)  # of an alias
    found = (mapper.class_ for mapper in REGISTRY.mappers if deletable(mapper))
    return next((model for model in found if model.__table__.name == getattr(table, "name", None)), None)


@event.listens_for(DomainSession, "before_flush", propagate=True)
def _refuse_deleted(session: DomainSession, _context: UOWTransaction, _objects: object) -> None:
    """What a cascade would delete; ``session.delete`` itself says so at once."""
    for entity in session.deleted:
        if isinstance(entity, Entity):
            raise HardDeletionError(type(entity).__name__)
