"""Soft deletion as a batch: a row and what belongs to it go under one ``deletion_id``."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy.orm.attributes import set_committed_value

from ..models import Entity, TenantEntity
from ..models.fields import utcnow
from ..tenancy import DomainSession, note_shown
from .deletion_statements import BATCH, WHEN, WHO, Deletion, deletion
from .dependents import dependents
from .statements import KEY, SCOPE

__all__ = ["delete_batch", "dependents", "preview_batch"]

Marked = tuple[int, int, int]  # place in the levels, id, version


def delete_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Mark the row and its dependents. False where the row is not live.

    On PostgreSQL a statement that locks the row (and one for each table below it that has dependents itself), and
    one that marks them all; on SQLite one a table.
    """
    statements = deletion(model)
    key = _key(entity_id, owner)
    now, batch = utcnow(), uuid4()
    params = {**key, WHEN: now, BATCH: batch, WHO: session.actor}
    kinds = tuple(level.model for level in statements.levels)
    held = any(isinstance(entity, kinds) for entity in session.identity_map.values())
    if session.get_bind().dialect.name != "postgresql":
        marked: list[Marked] = list(_one_by_one(session, statements, params))
    else:
        for lock in statements.locks(key):
            session.lock_first(lock)
        if not held:
            return bool(_run(session, statements.root_alone, params))
        marked = _run(session, statements.whole, params)
    if held:
        changes = {
            "is_deleted": True,
            "deleted_at": now,
            "updated_at": now,
            "deletion_id": batch,
            "deleted_by": session.actor,
        }
        _show(session, statements, marked, owner, changes)
    return bool(marked)


def preview_batch(
    session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None
) -> Mapping[str, int]:
    """How many rows of each model ``delete_batch`` would mark."""
    rows: list[tuple[str, int]] = _run(session, deletion(model).preview, _key(entity_id, owner))
    return {name: number for name, number in rows if number}


def _run(session: Any, statement: Any, params: dict[str, Any]) -> list[Any]:
    return list(session.exec(statement, params=params))


def _key(entity_id: int, owner: int | None) -> dict[str, int]:
    return {KEY: entity_id} if owner is None else {KEY: entity_id, SCOPE: owner}


def _one_by_one(session: DomainSession, statements: Deletion, params: dict[str, Any]) -> Iterable[Marked]:
    gone: set[type[Entity]] = set()
    for place, (level, statement) in enumerate(zip(statements.levels, statements.each, strict=True)):
        if not place or any(parent in gone for parent, _ in level.keys):
            given = params if not place else {name: value for name, value in params.items() if name != KEY}
            for entity_id, version in _run(session, statement, given):
                gone.add(level.model)
                yield place, entity_id, version


def _show(
    session: DomainSession,
    statements: Deletion,
    marked: Iterable[Marked],
    owner: int | None,
    changes: dict[str, Any],
) -> None:
    """Let objects that the session holds show their new state, without reading what it has read already."""
    for place, entity_id, version in marked:
        model = statements.levels[place].model
        identity = (owner, entity_id) if issubclass(model, TenantEntity) else (entity_id,)
        entity: Entity | None = session.identity_map.get(session.identity_key(model, identity))
        if entity is None:
            continue
        if vars(entity).get("version") == version - 1:
            for name, value in {**changes, "version": version}.items():
                set_committed_value(entity, name, value)
        else:  # another session wrote it meanwhile
            session.refresh(entity, model.__table__.c.keys())
        note_shown(session, entity)
