"""What belongs to what: the tables that rows refer to, and those that go with a row."""

from collections.abc import Hashable, Iterator
from functools import cache
from typing import Any, NamedTuple, cast

from ..models import Entity, Organization
from ..models.base import REGISTRY
from ..models.tables import TENANT


class Level(NamedTuple):
    """A table of a deletion: its rows go with those that ``keys`` (parent, column) refer to."""

    model: type[Entity]
    keys: tuple[tuple[type[Entity], str], ...]


def levels(model: type[Entity]) -> tuple[Level, ...]:
    """The model, and every table below it; parents first, each table once."""
    return _levels(cast(Hashable, model), len(REGISTRY.metadata.tables))


def parents(model: type[Entity]) -> tuple[tuple[type[Entity], str], ...]:
    """(parent, column) of what a row of the model goes with; the highest parents first, as a deletion locks them."""
    return _parents(cast(Hashable, model), len(REGISTRY.metadata.tables))


@cache
def _levels(model: Any, _tables: int) -> tuple[Level, ...]:
    keys: dict[type[Entity], list[tuple[type[Entity], str]]] = {model: []}
    waiting: list[type[Entity]] = [model]
    while waiting:
        parent = waiting.pop()
        for child, column in _children(parent):
            if child not in keys:
                waiting.append(child)
            keys.setdefault(child, []).append((parent, column))
    place = _places()
    ordered = sorted(keys, key=lambda kind: (kind is not model, place[kind.__table__.name]))
    return tuple(Level(kind, tuple(keys[kind])) for kind in ordered)


@cache
def _parents(model: Any, _tables: int) -> tuple[tuple[type[Entity], str], ...]:
    found = [(column.info["tenant_key"], column.key) for column in model.__table__.c if "tenant_key" in column.info]
    if model.__table__.info.get("goes_with_organization"):
        found.append((Organization, TENANT))
    place = _places()
    return tuple(sorted(found, key=lambda key: place[key[0].__table__.name]))


def _children(parent: type[Entity]) -> Iterator[tuple[type[Entity], str]]:
    for mapper in REGISTRY.mappers:
        table: Any = mapper.local_table
        # An organization's other data stays as it is: no session reaches it any more.
        if parent is Organization and table.info.get("goes_with_organization"):
            yield mapper.class_, TENANT
        for column in table.c:
            if column.info.get("tenant_key") is parent and mapper.class_ is not parent:
                yield mapper.class_, column.key


def _places() -> dict[str, int]:
    return {table.name: number for number, table in enumerate(REGISTRY.metadata.sorted_tables)}
