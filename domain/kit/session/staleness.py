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
    connection: Connection | None, organization_id: int | None, seen: list[Seen], begun: Callable[[Connection], None]
) -> ConflictError:
    """The error for a flush that found a row changed, and was rolled back: names the first; one query an object.

    ``begun`` tells a new transaction whose work it is.
    """
    unnamed = ConflictError("a row was changed or removed after the object was read; read it again")
    if connection is None or connection.closed or connection.invalidated:
        return unnamed
    is_over = not connection.in_transaction()
    try:
        if is_over:
            begun(connection)
        for model, entity_id, version in seen:
            table = model.__table__
            this = of_organization(table, organization_id), table.c.id == entity_id
            current = connection.scalar(select(table.c.version).where(*this))
            if version is not None and current != version:
                return StaleVersionError(model.__name__, entity_id, seen=version, current=current)
    except DomainError:
        pass  # the conflict is what the caller has to hear of
    finally:
        if is_over:
            connection.rollback()
    return unnamed
