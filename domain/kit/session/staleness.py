"""Stale objects of a flush: the database has moved past their versions."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection
from sqlmodel import select

from ...errors import ConflictError, DomainError, StaleVersionError
from ..model import Entity
from ..model.tables import of_organization


class Seen(NamedTuple):
    """An object that is to be saved, and the version at which it was read."""

    model: type[Entity]
    entity_id: int
    version: int | None


def seen_versions(dirty: Iterable[object]) -> list[Seen]:
    """The versions of changed objects, from ``vars``: to load an expired attribute would flush."""
    seen = [
        Seen(type(entity), vars(entity)["id"], vars(entity).get("version"))
        for entity in dirty
        if isinstance(entity, Entity) and vars(entity).get("id") is not None
    ]
    return sorted(seen, key=lambda one: (one.model.__name__, one.entity_id))  # always the same one is named


def stale(
    connection: Connection | None,
    organization_id: int | None,
    seen: list[Seen],
    begun: Callable[[Connection], None],
) -> ConflictError:
    """The error for a flush that found a row changed, and was rolled back: names the first; one query a model.

    ``begun`` tells a new transaction whose work it is.
    """
    for model in dict.fromkeys(one.model for one in seen):
        of_model = [one for one in seen if one.model is model]
        current = _versions(connection, organization_id, model, [one.entity_id for one in of_model], begun)
        if current is None:
            return ConflictError("a row was changed or removed after the object was read; read it again")
        for one in of_model:
            if one.version is not None and current.get(one.entity_id) != one.version:
                now = current.get(one.entity_id)
                return StaleVersionError(model.__name__, one.entity_id, seen=one.version, current=now)
    # A statement of the same transaction changed the row, and is undone by now.
    return ConflictError("a row was changed, in this transaction, after the object was read; read it again")


def _versions(
    connection: Connection | None,
    organization_id: int | None,
    model: type[Entity],
    ids: list[int],
    begun: Callable[[Connection], None],
) -> dict[int, int] | None:
    """The version of each row that is there; None where they can't be read."""
    if connection is None or connection.closed or connection.invalidated:
        return None
    columns = model.__table__.c
    these = of_organization(model.__table__, organization_id)
    statement = select(columns.id, columns.version).where(these, columns.id.in_(ids))
    is_over = not connection.in_transaction()
    try:
        if is_over:
            begun(connection)
        return {row.id: row.version for row in connection.execute(statement)}
    except DomainError:
        return None  # the conflict is what the caller has to hear of
    finally:
        if is_over:
            connection.rollback()
