"""Soft deletion as a batch: a row and what belongs to it go under one ``deletion_id``."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from ..models import Entity
from ..models.fields import utcnow
from ..tenancy import DomainSession
from .core import show
from .deletion_statements import BATCH, WHEN, WHO, Deletion, deletion
from .statements import KEY, SCOPE

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
        stamps = {"deleted_at": now, "updated_at": now, "deletion_id": batch, "deleted_by": session.actor}
        for kind, marked_id, version in marked:
            values = {"is_deleted": True, "version": version, **stamps}
            show(session, kind, marked_id, owner, values, seen_version=version - 1)
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
    for model, statement in statements.each:
        for entity_id, version in _run(session, statement, params):
            yield model, entity_id, version
