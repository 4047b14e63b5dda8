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

_BEYOND = 2**63  # no id is

Marked = tuple[type[Entity], int, int]  # its model, id and new version


def delete_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Mark the row and its dependents. False where the row is not live.

    On PostgreSQL by one statement, on SQLite by one a table.
    """
    if not -_BEYOND <= entity_id < _BEYOND:
        return False
    statements = deletion(model)
    key = _key(entity_id, owner)
    now, batch = utcnow(), uuid4()
    params = {**key, WHEN: now, BATCH: batch, WHO: session.actor}
    kinds = tuple(level.model for level in statements.levels)
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    marked = list((_at_once if is_postgresql else _one_by_one)(session, statements, params))
    if any(isinstance(entity, kinds) for entity in session.identity_map.values()):
        changes = {
            "is_deleted": True,
            "deleted_at": now,
            "updated_at": now,
            "deletion_id": batch,
            "deleted_by": session.actor,
        }
        _show(session, marked, owner, changes)
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


def _at_once(session: DomainSession, statements: Deletion, params: dict[str, Any]) -> Iterable[Marked]:
    for row in _run(session, statements.whole, params):
        for model, marked in zip(statements.calls, row, strict=True):
            if marked is not None:
                for entity_id, version in zip(*marked, strict=True):
                    yield model, entity_id, version


def _one_by_one(session: DomainSession, statements: Deletion, params: dict[str, Any]) -> Iterable[Marked]:
    gone: set[type[Entity]] = set()
    for place, (level, statement) in enumerate(zip(statements.levels, statements.each, strict=True)):
        if not place or any(parent in gone for parent, _ in level.keys):
            given = params if not place else {name: value for name, value in params.items() if name != KEY}
            for entity_id, version in _run(session, statement, given):
                gone.add(level.model)
                yield level.model, entity_id, version


def _show(session: DomainSession, marked: Iterable[Marked], owner: int | None, changes: dict[str, Any]) -> None:
    """Let objects that the session holds show their new state, without reading what it has read already."""
    for model, entity_id, version in marked:
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
