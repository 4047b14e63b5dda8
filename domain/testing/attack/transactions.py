"""What the organization has to survive: rollbacks to a savepoint; and must not: the return to the pool."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, text
from sqlmodel import literal, select

from ...database import Database
from ...kit.session import TenantSession, including_deleted
from .call import ORM, Call
from .discovery import Model
from .layers import Layer
from .world import World

OWN_ROWS = 2  # a live one and a deleted one


def transaction_calls(world: World, model: Model) -> Iterator[Call]:
    """Counts of the model's rows, after what happened to the transaction."""
    own = world.attacker.organization_id
    for name, act in {
        "bind, roll back to savepoint": _bound_in_savepoint(model, own),
        "roll back": _rolled_back(model, own),
    }.items():
        method = f"{model.__name__}: {name}"
        yield Call(method, "scope", act, stopped_by=ORM, is_bound=False, must_answer=OWN_ROWS)
    method = f"{model.__name__}: pooled connection"
    act = _pooled(world.database, model)
    yield Call(method, "scope", act, stopped_by=frozenset({Layer.POLICIES}), must_answer=0)


Act = Callable[[TenantSession, list[object]], object]


def _bound_in_savepoint(model: Model, organization_id: int) -> Act:
    def act(session: TenantSession, _given: list[object]) -> object:
        _start(session)
        with session.begin_nested() as savepoint:
            session.bind_organization(organization_id)
            _count(session, model)
            savepoint.rollback()
        return _count(session, model)

    return act


def _rolled_back(model: Model, organization_id: int) -> Act:
    def act(session: TenantSession, _given: list[object]) -> object:
        session.bind_organization(organization_id)
        _count(session, model)
        session.rollback()
        return _count(session, model)

    return act


def _start(session: Any) -> None:
    session.execute(select(literal(1)))


def _count(session: Any, model: Model) -> int:
    found: int = session.execute(including_deleted(select(func.count()).select_from(model))).scalar_one()
    return found


def _pooled(database: Database, model: Model) -> Act:
    statement = text(f"SELECT count(*) FROM {model.__table__.name}")  # noqa: S608  # nothing but the model's own name

    def act(session: TenantSession, _given: list[object]) -> object:
        _count(session, model)
        session.rollback()
        with database.engine.connect() as connection:
            return connection.scalar(statement)

    return act
