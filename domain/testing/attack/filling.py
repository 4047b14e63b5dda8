"""Values for a method's parameters, found by name and type."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from inspect import Parameter
from typing import Any, TypeVar, get_args, get_origin
from uuid import UUID

from sqlalchemy import exists, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import select

from ...kit.model import DomainModel, Entity
from ...kit.model.tables import ORGANIZATION_ID, live_unique_indexes
from ...kit.repository.cursor import Cursors
from ...kit.repository.order import NEWEST
from ...organizations.model import Organization
from .discovery import Model, references
from .entities import Choice, filled, patches, rows
from .world import Side, World

_ORGANIZATIONS = {"org_id", "organization_id"}
_CURSORS = {"after", "before", "cursor"}
_MANY: dict[Any, type] = dict.fromkeys((list, Sequence, Iterable, Collection), list) | {set: set, AbstractSet: set}
_PLAIN: dict[type, object] = {
    float: 0.0,
    Decimal: Decimal(0),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    date: date(2026, 1, 1),
    timedelta: timedelta(hours=1),
    dict: {},
}


class Filler:
    """Fills the parameters of one model's repository. ``arguments``: a test's own values, by parameter name."""

    def __init__(self, world: World, model: Model, arguments: Mapping[str, object]) -> None:
        self.world = world
        self.model = model
        self.arguments = arguments

    def choices(self, parameter: Parameter, hint: Any, *, side: Side | None = None) -> list[Choice]:
        """Values to try for a parameter, the usual one first; empty where nothing is known to fit.

        ``side``: only what this organization would hand in.
        """
        name, kind = parameter.name, self._plain(hint)
        if name in self.arguments:
            return [_constant("own argument", self.arguments[name])]
        if parameter.kind is Parameter.VAR_POSITIONAL:
            return [] if side else list(conditions(self.world, self.model))
        many = _MANY.get(get_origin(kind) or kind)
        if many is not None:
            return [replace(choice, value=partial(_of_one, many, choice)) for choice in self._items(name, kind, side)]
        found = self._single(name, kind, side or self.world.victim)
        return [choice for choice in found if choice.attack != "plain"] if is_optional(parameter) else found

    def _items(self, name: str, kind: Any, side: Side | None) -> list[Choice]:
        of = (*get_args(kind), object)[0]
        if DomainModel in get_args(of):  # rows told apart by their natural key: a caller may hand in any content
            return list(rows(self.world, self.model))
        return self._single(name, self._plain(of), side or self.world.victim)

    def _single(self, name: str, kind: Any, who: Side) -> list[Choice]:
        if name in _ORGANIZATIONS:
            return [_constant("foreign organization", who.organization_id)]
        if name == "on":
            return [_constant("takeover", key.info["live_unique"]) for key in live_unique_indexes(self.model.__table__)]
        if name in _CURSORS:
            moment = datetime(1970 if name == "before" else 2999, 1, 1, tzinfo=UTC)
            return [_constant("listing", Cursors(self.model, NEWEST).encode((moment, 2**62)))]
        if not isinstance(kind, type):
            return []
        if issubclass(kind, Entity):
            return list(rows(self.world, kind))
        if kind is DomainModel:
            return list(patches(self.world, self.model))
        if issubclass(kind, DomainModel):
            return [Choice("patch", partial(filled, kind))]
        if issubclass(kind, bool):
            return [_constant("deleted row" if "deleted" in name else "listing", True)]
        if issubclass(kind, Enum):
            return [_constant("plain", next(iter(kind)))]
        if issubclass(kind, int):
            if not is_id(name):
                return [_constant("plain", 1)]
            target = self._target(name)
            return [_constant("foreign id", who.row(target).id), _constant("deleted row", who.gone(target).id)]
        if issubclass(kind, UUID):
            return [_constant("deleted row", who.gone(self.model).fields.get(name, UUID(int=0)))]
        if issubclass(kind, str):
            return [_constant("foreign value", who.row(self.model).fields.get(name) or _text(who, self.model))]
        found = [value for plain, value in _PLAIN.items() if issubclass(kind, plain)]
        return [_constant("listing" if name.startswith("min_") else "plain", value) for value in found[:1]]

    def _target(self, name: str) -> Model:
        """The model that an id is of: what the model refers to by this name, or what is called so, or its own."""
        stem = name.removesuffix("s").removesuffix("_id")
        named = {model.__name__.lower(): model for model in self.world.models}
        return references(self.model).get(f"{stem}_id") or named.get(stem.replace("_", "")) or self.model

    def _plain(self, hint: Any) -> Any:
        """The type without ``| None`` and type variables."""
        options = [option for option in get_args(hint) if option is not type(None)]
        if len(options) < len(get_args(hint)):
            return self._plain(options[0])
        return self.model if isinstance(hint, TypeVar) else hint


def is_id(name: str) -> bool:
    """True if a parameter so called takes an id, or several."""
    return name == "id" or name.endswith(("_id", "_ids"))


def is_optional(parameter: Parameter) -> bool:
    """True if a call leaves the parameter out; not that which ``update`` takes in place of its keywords."""
    return parameter.default is not Parameter.empty and parameter.kind is not Parameter.POSITIONAL_ONLY


def conditions(world: World, model: Model) -> list[Choice]:
    """Conditions that a caller may pass: on the row itself, and on what a subquery finds."""
    column, victim = "id" if model is Organization else ORGANIZATION_ID, world.victim
    owner, other = getattr(model, column), aliased(model)
    foreign = select(other.id).where(getattr(other, column) == victim.organization_id)
    return [
        _constant("foreign id", model.id == victim.row(model).id),
        _constant("condition", owner == victim.organization_id),
        _constant("condition", or_(true(), owner == victim.organization_id)),
        _constant("subquery", exists(foreign)),
        _constant("subquery", ~exists(foreign)),
        _constant("subquery", model.id < foreign.scalar_subquery()),
    ]


def _text(side: Side, model: Model) -> str:
    """A value of the row that no other row has."""
    texts = [value for value in side.row(model).marks.values() if isinstance(value, str)]
    return texts[0] if texts else "zqvictim"


def _constant(attack: str, value: object) -> Choice:
    return Choice(attack, lambda: value)


def _of_one(many: type, choice: Choice) -> object:
    return many([choice.value()])
