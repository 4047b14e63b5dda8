"""Transactions: the organization survives a rollback to a savepoint, but not the return to the pool."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, text
from sqlmodel import literal, select

from ...kit.session import including_deleted
from .call import Call
from .discovery import Model
from .world import World

OWN_ROWS = 2  # a live one and a deleted one


def transaction_calls(world: World, model: Model) -> Iterator[Call]:
    """Counts of the model's rows, after what happened to the transaction."""
    own = world.attacker.organization_id
    rows = including_deleted(select(func.count()).select_from(model))
    stored = text(f"SELECT count(*) FROM {model.__table__.name}")  # noqa: S608  # nothing but the model's own name

    def bound_in_savepoint(session: Any) -> object:
        session.execute(select(literal(1)))
        with session.begin_nested() as savepoint:
            session.bind_organization(own)
            session.execute(rows)
            savepoint.rollback()
        return session.execute(rows).scalar_one()

    def rolled_back(session: Any) -> object:
        session.bind_organization(own)
        session.execute(rows)
        session.rollback()
        return session.execute(rows).scalar_one()

    def pooled(session: Any) -> object:
        session.execute(rows)
        session.rollback()
        with world.database.engine.connect() as connection:
            return connection.scalar(stored)

    title = f"{model.__name__}: "
    for name, act in {"bind, roll back to savepoint": bound_in_savepoint, "roll back": rolled_back}.items():
        yield Call(title + name, "scope", act, is_bound=False, must_answer=OWN_ROWS)
    yield Call(f"{title}pooled connection", "scope", pooled, must_answer=0)
