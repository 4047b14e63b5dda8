"""What is written refers to rows of the same organization that are not deleted, nor being deleted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import event, inspect
from sqlalchemy.orm import UOWTransaction
from sqlmodel import col, select

from ..errors import ConstraintError
from ..models import DomainModel, Entity, Organization
from ..models.tables import TENANT
from ..tenancy import TRUSTED, DomainSession
from .dependents import parents
from .statements import scope_column


def lock_references(
    session: DomainSession,
    model: type[Entity],
    contents: Sequence[DomainModel | Mapping[str, object]],
    *,
    owner: int | None,
) -> None:
    """Keep what the contents of rows refer to from being deleted until they are committed; one query a key.

    The highest first, and in the order of the ids, as a deletion locks them, so that the two don't wait for each
    other.

    Raises:
        ConstraintError: one of those is deleted, another organization's, or unknown.
    """
    for parent, column in parents(model):
        if parent is Organization:
            ids: set[object] = {owner} if _are_new(contents) else set()
        else:
            ids = {_value(content, column) for content in contents} - {None}
        if ids:
            mine = (scope_column(parent) == owner, col(parent.id).in_(ids), ~col(parent.is_deleted))
            locked = select(parent.id).where(*mine).order_by(col(parent.id))
            locked = locked.with_for_update(read=True, key_share=True)
            if len(session.exec(locked, execution_options={TRUSTED: True}).all()) < len(ids):
                name = _constraint(model, column)
                raise ConstraintError(
                    f"a reference points at no live row of this organization ({name})", constraint=name
                )


_LOCKED = "domain_locked_references"  # in Session.info: the new objects for which it is done, by id()


def add_locked(session: DomainSession, entities: Sequence[Entity]) -> None:
    """Insert new objects for which ``lock_references`` was called."""
    session.info[_LOCKED] = set(map(id, entities))
    try:
        session.add_all(entities)
        session.flush()
    finally:
        del session.info[_LOCKED]


@event.listens_for(DomainSession, "before_flush", propagate=True)
def _lock_the_rest(session: DomainSession, _context: UOWTransaction, _objects: object) -> None:
    """What ``session.add`` brought, or an assignment moved to another row, is held to the same."""
    locked: set[int] = session.info.get(_LOCKED, set())
    referring: defaultdict[tuple[type[Entity], int], list[Entity]] = defaultdict(list)
    for entity in _referring(session, locked):
        owner = vars(entity).get(TENANT) or session.scope
        if owner is not None:
            referring[type(entity), owner].append(entity)
    for (model, owner), entities in referring.items():
        lock_references(session, model, entities, owner=owner)


def _referring(session: DomainSession, locked: set[int]) -> Iterable[Entity]:
    for entity in session.new:
        if isinstance(entity, Entity) and id(entity) not in locked and parents(type(entity)):
            yield entity
    for entity in session.dirty:
        if isinstance(entity, Entity) and any(
            inspect(entity).attrs[column].history.added for _, column in parents(type(entity))
        ):
            yield entity


def _value(content: DomainModel | Mapping[str, object], name: str) -> object:
    return content.get(name) if isinstance(content, Mapping) else getattr(content, name, None)


def _are_new(contents: Sequence[DomainModel | Mapping[str, object]]) -> bool:
    """Whether they are rows to insert: an update's changes leave the organization as it is."""
    return any(isinstance(content, Mapping | Entity) or TENANT in type(content).model_fields for content in contents)


def _constraint(model: type[Entity], column: str) -> str | None:
    keys = model.__table__.c[column].foreign_keys
    return next((str(key.constraint.name) for key in keys if key.constraint is not None), None)
