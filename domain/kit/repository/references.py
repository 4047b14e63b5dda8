"""Written rows refer only to live rows of their organization, which are locked against deletion."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Table, event, inspect
from sqlalchemy.orm import UOWTransaction
from sqlmodel import col, select

from ...errors import ConstraintError
from ..model import DomainModel, Entity
from ..model.graph import Edge, Graph
from ..model.registry import model_of, reference_graph
from ..model.tables import ORGANIZATION_ID, is_organization, of_organization
from ..session import DomainSession, own


def lock_references(
    session: DomainSession,
    model: type[Entity],
    contents: Sequence[DomainModel | Mapping[str, object]],
    *,
    organization: int | None,
    edges: Sequence[tuple[type[Entity], Edge]] | None = None,
) -> None:
    """Lock the rows that contents refer to (by ``edges``) against deletion, until the commit; one query a key.

    The highest first, and in the order of the ids, as a deletion locks them, so that the two can't deadlock.

    Raises:
        ConstraintError: one of those is deleted, another organization's, or unknown.
    """
    if organization is None:
        return
    for parent, edge in parents(model) if edges is None else edges:
        if is_organization(parent):
            ids: set[object] = {organization} if _are_new(contents) else set()
        else:
            ids = {_value(content, edge.column) for content in contents} - {None}
        if ids:
            live = (of_organization(parent, organization), col(parent.id).in_(ids), ~col(parent.is_deleted))
            locked = select(parent.id).where(*live).order_by(col(parent.id))
            locked = locked.with_for_update(read=True, key_share=True)
            if len(session.exec(own(locked)).all()) < len(ids):
                raise ConstraintError(
                    f"a reference points at no live row of this organization ({edge.name})", constraint=edge.name
                )


def parents(model: type[Entity]) -> Sequence[tuple[type[Entity], Edge]]:
    """The models that a row's keys refer to, each with the key; the highest first, as a deletion locks them."""
    return _parents(model.__table__, reference_graph())


def holding(model: type[Entity]) -> Sequence[tuple[type[Entity], Edge]]:
    """The parents that must be live for a row to be, with the keys."""
    return [(parent, edge) for parent, edge in parents(model) if edge.on_delete != "set_null"]


@lru_cache
def _parents(table: Table, graph: Graph) -> Sequence[tuple[type[Entity], Edge]]:
    edges = [edge for edge in graph.of(table) if edge.on_delete is not None]
    edges.sort(key=lambda edge: graph.cascades.order.index(edge.parent))
    return [(model_of(edge.parent), edge) for edge in edges]


_LOCKED = "domain_locked_references"  # in Session.info: id() of new objects whose references are locked


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
    """Lock the references of other objects, which ``session.add`` or an assignment brought."""
    locked: set[int] = session.info.get(_LOCKED, set())
    referring: defaultdict[tuple[type[Entity], int], list[Entity]] = defaultdict(list)
    for entity in _referring(session, locked):
        organization = vars(entity).get(ORGANIZATION_ID) or session.bound_organization_id
        if organization is not None:
            referring[type(entity), organization].append(entity)
    for (model, organization), entities in referring.items():
        lock_references(session, model, entities, organization=organization)


def _referring(session: DomainSession, locked: set[int]) -> Iterable[Entity]:
    for entity in session.new:
        if isinstance(entity, Entity) and id(entity) not in locked and parents(type(entity)):
            yield entity
    for entity in session.dirty:
        if isinstance(entity, Entity) and any(
            inspect(entity).attrs[edge.column].history.added for _, edge in parents(type(entity))
        ):
            yield entity


def _value(content: DomainModel | Mapping[str, object], name: str) -> object:
    return content.get(name) if isinstance(content, Mapping) else getattr(content, name, None)


def _are_new(contents: Sequence[DomainModel | Mapping[str, object]]) -> bool:
    """True for rows to insert: an update's changes leave the organization as it is."""
    return any(
        isinstance(content, Mapping | Entity) or ORGANIZATION_ID in type(content).model_fields for content in contents
    )
