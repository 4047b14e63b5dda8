"""Objects updated by a statement, not by a flush: the rollback of a savepoint expires them."""

from weakref import WeakSet

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, SessionTransaction

from ..model import Entity
from .sessions import DomainSession

_SHOWN = "domain_shown"


def expire_on_savepoint_rollback(session: DomainSession, entity: Entity) -> None:
    """Have the object read again if a savepoint is rolled back. (SQLAlchemy does so for what a flush wrote.)"""
    if session.in_nested_transaction():
        session.info.setdefault(_SHOWN, WeakSet()).add(inspect(entity))


@event.listens_for(DomainSession, "after_soft_rollback", propagate=True)
def _after_rollback(session: DomainSession, _previous: SessionTransaction) -> None:
    shown: WeakSet[InstanceState[Entity]] = session.info.pop(_SHOWN, WeakSet())
    for state in shown:
        entity = state.obj()
        if entity is not None and entity in session:
            session.expire(entity)
