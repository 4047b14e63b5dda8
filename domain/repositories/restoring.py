"""Restoring: exactly the rows of one deletion come back, or none."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, true
from sqlmodel import col, select, update

from ..errors import ConflictError, DuplicateError
from ..models import Entity, Organization, TenantEntity
from ..models.fields import utcnow
from ..models.tables import TENANT
from ..tenancy import TRUSTED, DomainSession
from .dependents import Level, levels, parents
from .sets import reload_rows
from .statements import scope_column

_TRUSTED = {TRUSTED: True}
_LIVE = {"is_deleted": False, "deleted_at": None, "deletion_id": None, "deleted_by": None}

Key = tuple[type[Entity], str]


def restore_batch(session: DomainSession, model: type[Entity], entity_id: int, *, owner: int | None) -> bool:
    """Unmark the row and what went with it. False where the row is not deleted; raises as ``restore`` does."""
    row = (col(model.id) == entity_id, _owned(model, owner), col(model.is_deleted))
    locked = select(model.id, model.deletion_id).where(*row).with_for_update()
    found = session.exec(locked, execution_options=_TRUSTED).first()
    batch = found and found[1]
    if batch is None:
        return False  # without a deletion_id it is about to be purged, or was erased
    above: list[Key] = [(Organization, TENANT)] if issubclass(model, TenantEntity) else []
    _require_live(session, model, col(model.id) == entity_id, owner, dict.fromkeys([*above, *parents(model)]))
    held = _held(session, model, entity_id, batch)
    try:
        with session.begin_nested():  # all of the batch, or nothing
            for level in levels(model):
                which = _part(level, model, entity_id, batch)
                if level.model is not model and len(parents(level.model)) > 1:
                    _require_live(session, level.model, which, owner, parents(level.model))
                _unmark(session, level.model, which, owner)
    except DuplicateError as error:
        raise _named(session, error, model, entity_id, batch, owner) from error
    for kind, ids in held.items():
        reload_rows(session, kind, ids, owner)
    return True


def _owned(model: type[Entity], owner: int | None) -> ColumnElement[bool]:
    column = scope_column(model)
    return true() if column is None else column == owner


def _part(level: Level, model: type[Entity], entity_id: int, batch: UUID) -> ColumnElement[bool]:
    """Which rows of a table come back."""
    return col(model.id) == entity_id if level.model is model else col(level.model.deletion_id) == batch


def _unmark(session: DomainSession, model: type[Entity], which: ColumnElement[bool], owner: int | None) -> None:
    table = model.__table__
    values = {**_LIVE, "updated_at": utcnow(), "version": table.c.version + 1}
    statement = update(model).where(which, _owned(model, owner), col(model.is_deleted)).values(**values)
    session.exec(statement, execution_options={"synchronize_session": False, **_TRUSTED})


def _require_live(
    session: DomainSession,
    model: type[Entity],
    which: ColumnElement[bool],
    owner: int | None,
    keys: Iterable[Key],
) -> None:
    """Raise ConflictError where one of the rows belongs to a row that is deleted; keep the others from being so."""
    for parent, column in keys:
        statement = (
            select(parent.is_deleted)
            .join(model, getattr(model, column) == col(parent.id))
            .where(_owned(parent, owner), _owned(model, owner), which)
            .with_for_update(read=True, key_share=True, of=parent)
        )
        if any(session.exec(statement, execution_options=_TRUSTED).all()):
            raise ConflictError(f"{model.__name__}: its {parent.__name__} is deleted; restore that first")


def _held(session: DomainSession, model: type[Entity], entity_id: int, batch: UUID) -> dict[type[Entity], list[int]]:
    """What the session holds of the batch: the ids of each model."""
    held: dict[type[Entity], list[int]] = {}
    for entity in session.identity_map.values():
        if isinstance(entity, Entity):
            known: dict[str, Any] = vars(entity)
            is_root = isinstance(entity, model) and known.get("id") == entity_id
            if is_root or known.get("deletion_id") == batch:
                held.setdefault(type(entity), []).append(known["id"])
    return held


def _named(
    session: DomainSession,
    error: DuplicateError,
    model: type[Entity],
    entity_id: int,
    batch: UUID,
    owner: int | None,
) -> DuplicateError:
    """The error with the row that has taken a unique value, where it is one of the same organization."""
    for level in levels(model):
        if level.model.__name__ == error.entity:
            taken, mine = level.model.__table__.alias("taken"), level.model
            statement = (
                select(taken.c.id)
                .join(mine, and_(*(taken.c[name] == getattr(mine, name) for name in error.fields)))
                .where(_owned(mine, owner), _part(level, model, entity_id, batch), col(mine.is_deleted))
                .where(~taken.c.is_deleted, *([taken.c[TENANT] == owner] if TENANT in taken.c else []))
            )
            holder = None if owner is None else session.exec(statement, execution_options=_TRUSTED).first()
            return DuplicateError(error.entity, error.fields, constraint=error.constraint, holder_id=holder)
    return error
