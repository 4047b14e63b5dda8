"""Soft deletion as a batch: a row and what belongs to it go, and come back, under one ``deletion_id``."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Table, true
from sqlmodel import select, update

from ..errors import ConflictError
from ..models import Entity, Organization, TenantEntity, User
from ..models.base import REGISTRY
from ..models.fields import utcnow
from ..models.tables import TENANT
from ..tenancy import TRUSTED, DomainSession


def delete_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Mark the row, then its dependents, one statement a table. False where the row is not live."""
    now, batch = utcnow(), uuid4()
    changes = {"is_deleted": True, "deleted_at": now, "deletion_id": batch, "updated_at": now}
    if not _mark(session, model, model.__table__.c.id == entity_id, owner, changes):
        return False
    _reload(session, model, batch, owner)
    for parent, child, column in dependents(model):
        ids = select(parent.__table__.c.id).where(_owned(parent, owner), parent.__table__.c.deletion_id == batch)
        if _mark(session, child, child.__table__.c[column].in_(ids), owner, changes):
            _reload(session, child, batch, owner)
    return True


def restore_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Unmark the row and what went with it. False where the row is not deleted; raises as ``restore`` does."""
    table = model.__table__
    row = (table.c.id == entity_id, _owned(model, owner), table.c.is_deleted)
    batch: UUID | None = session.exec(select(table.c.deletion_id).where(*row), execution_options={TRUSTED: True}).one_or_none()
    if batch is None:
        return False
    _require_live_parents(session, model, entity_id, owner)
    changes = {"is_deleted": False, "deleted_at": None, "deletion_id": None, "updated_at": utcnow()}
    held = [e for e in session.identity_map.values() if isinstance(e, Entity) and e.deletion_id == batch]
    _mark(session, model, table.c.id == entity_id, owner, changes)
    for _, child, _ in dependents(model):
        _mark(session, child, child.__table__.c.deletion_id == batch, owner, changes)
    for entity in held:
        session.refresh(entity)
    return True


def dependents(model: type[Entity]) -> Iterator[tuple[type[Entity], type[Entity], str]]:
    """(parent, child, key column) for every table below this one, parents first."""
    if model is Organization:
        yield Organization, User, TENANT  # its other data stays as it is: no session reaches it any more
    for mapper in REGISTRY.mappers:
        for column in mapper.local_table.c:
            if column.info.get("tenant_key") is model and mapper.class_ is not model:
                yield model, mapper.class_, column.key
                yield from dependents(mapper.class_)


def _owned(model: type[Entity], owner: int | None) -> ColumnElement[bool]:
    return model.__table__.c[TENANT] == owner if issubclass(model, TenantEntity) else true()


def _mark(
    session: DomainSession,
    model: type[Entity],
    which: ColumnElement[bool],
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


def _reload(session: DomainSession, model: type[Entity], batch: UUID, owner: int | None) -> None:
    """Let objects that the session holds show their deletion: one query, and none where it holds none."""
    if any(isinstance(entity, model) for entity in session.identity_map.values()):
        statement = select(model).where(_owned(model, owner), model.__table__.c.deletion_id == batch)
        session.exec(statement, execution_options={"populate_existing": True, TRUSTED: True}).all()


def _require_live_parents(session: DomainSession, model: type[Entity], entity_id: int, owner: int | None) -> None:
    for column in model.__table__.c:
        if parent := column.info.get("tenant_key"):
            table: Table = parent.__table__
            deleted = (
                select(table.c.id)
                .join(model, column == table.c.id)
                .where(_owned(parent, owner), _owned(model, owner))
                .where(model.__table__.c.id == entity_id, table.c.is_deleted)
            )
            if session.exec(deleted, execution_options={TRUSTED: True}).first() is not None:
                raise ConflictError(f"{model.__name__} {entity_id}: its {parent.__name__} is deleted; restore that")
