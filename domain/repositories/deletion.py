"""Soft deletion as a batch: a row and what belongs to it go, and come back, under one ``deletion_id``."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, ColumnExpressionArgument, true
from sqlmodel import col, select, update

from ..errors import ConflictError
from ..models import Entity, Organization, User
from ..models.base import REGISTRY
from ..models.fields import utcnow
from ..models.tables import TENANT
from ..tenancy import TRUSTED, DomainSession
from .statements import scope_column


def delete_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Mark the row, then its dependents, one statement a table. False where the row is not live."""
    # A new row that refers to this one shares a lock on it (see references): either waits for the other to end.
    locked = select(model.id).where(col(model.id) == entity_id, _owned(model, owner)).with_for_update()
    session.exec(locked, execution_options={TRUSTED: True}).first()
    now, batch = utcnow(), uuid4()
    changes = {"is_deleted": True, "deleted_at": now, "deletion_id": batch, "updated_at": now}
    if not _mark(session, model, col(model.id) == entity_id, owner, changes):
        return False
    _reload(session, model, col(model.deletion_id) == batch, owner)
    for parent, child, column in dependents(model):
        ids = select(parent.id).where(_owned(parent, owner), col(parent.deletion_id) == batch)
        if _mark(session, child, getattr(child, column).in_(ids), owner, changes):
            _reload(session, child, col(child.deletion_id) == batch, owner)
    return True


def restore_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Unmark the row and what went with it. False where the row is not deleted; raises as ``restore`` does."""
    row = (col(model.id) == entity_id, _owned(model, owner), col(model.is_deleted))
    # Locked: purge, which may be at work on it, has taken its deletion_id, or waits and then finds it live.
    found = select(model.deletion_id).where(*row).with_for_update()
    batch = session.exec(found, execution_options={TRUSTED: True}).one_or_none()
    if batch is None:
        return False
    _require_live_parents(session, model, entity_id, owner)
    changes = {"is_deleted": False, "deleted_at": None, "deletion_id": None, "updated_at": utcnow()}
    held: dict[type[Entity], list[int]] = {}
    for entity in session.identity_map.values():
        if isinstance(entity, Entity) and vars(entity).get("deletion_id") == batch:
            held.setdefault(type(entity), []).append(entity.id)
    with session.begin_nested():  # all of the batch, or nothing
        _mark(session, model, col(model.id) == entity_id, owner, changes)
        for _, child, _ in dependents(model):
            _mark(session, child, col(child.deletion_id) == batch, owner, changes)
    for kind, ids in held.items():
        _reload(session, kind, col(kind.id).in_(ids), owner)
    return True


def dependents(model: type[Entity]) -> Iterator[tuple[type[Entity], type[Entity], str]]:
    """(parent, child, key column) for every table below this one, parents first."""
    if model is Organization:
        yield Organization, User, TENANT  # its other data stays as it is: no session reaches it any more
        yield from dependents(User)
    for mapper in REGISTRY.mappers:
        for column in mapper.local_table.c:
            if column.info.get("tenant_key") is model and mapper.class_ is not model:
                yield model, mapper.class_, column.key
                yield from dependents(mapper.class_)


def _owned(model: type[Entity], owner: int | None) -> ColumnElement[bool]:
    column = scope_column(model)
    return true() if column is None else column == owner


def _mark(
    session: DomainSession,
    model: type[Entity],
    which: ColumnExpressionArgument[bool],
    owner: int | None,
    changes: dict[str, Any],
) -> int:
    """Apply ``changes`` to the rows whose state they turn; how many there were."""
    table = model.__table__
    statement = (
        update(model)
        .where(which, _owned(model, owner), table.c.is_deleted != changes["is_deleted"])
        .values(**changes, version=table.c.version + 1)
    )
    return session.exec(statement, execution_options={"synchronize_session": False, TRUSTED: True}).rowcount


def _reload(
    session: DomainSession, model: type[Entity], which: ColumnExpressionArgument[bool], owner: int | None
) -> None:
    """Let objects that the session holds show their new state: one query, and none where it holds none."""
    if any(isinstance(entity, model) for entity in session.identity_map.values()):
        statement = select(model).where(_owned(model, owner), which)
        session.exec(statement, execution_options={"populate_existing": True, TRUSTED: True}).all()


def _require_live_parents(session: DomainSession, model: type[Entity], entity_id: int, owner: int | None) -> None:
    for column in model.__table__.c:
        parent: type[Entity] | None = Organization if column.key == TENANT else column.info.get("tenant_key")
        if parent is not None:
            deleted = (
                select(parent.is_deleted)
                .join(model, getattr(model, column.key) == col(parent.id))
                .where(_owned(parent, owner), _owned(model, owner), col(model.id) == entity_id)
                .with_for_update(read=True, key_share=True, of=parent)  # or it could be deleted meanwhile
            )
            if session.exec(deleted, execution_options={TRUSTED: True}).first():
                raise ConflictError(f"{model.__name__} {entity_id}: its {parent.__name__} is deleted; restore that")
