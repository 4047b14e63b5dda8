"""What an attacker hands in: rows and patches that reach for what is the victim's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError, create_model

from ...kit.model import DomainModel
from ...kit.model.tables import ORGANIZATION_ID
from ...organizations.model import Organization
from ..building import build
from .call import REPOSITORY
from .discovery import Model, references
from .layers import Layer
from .world import World, natural_key

KEYED = frozenset({*REPOSITORY, Layer.KEYS})


@dataclass(frozen=True)
class Choice:
    """A value for a parameter. ``on_own``: the other parameters name the attacker's own rows."""

    attack: str
    value: Callable[[], object]
    stopped_by: frozenset[Layer] = REPOSITORY
    on_own: bool = False
    brings_objects: bool = False


def rows(world: World, model: Model) -> Iterator[Choice]:
    """Rows of the model, most of them legal but for one value."""
    target = world.victim.row(model)
    own = {} if model is Organization else world.attacker.parents(model)
    key = {name: target.fields[name] for name in natural_key(model) if name not in own and name in target.fields}

    def row(**fields: object) -> Callable[[], object]:
        return lambda: build(model, **{**own, **fields})

    yield Choice("takeover", row(**key))
    for name, parent in references(model).items():
        if parent in world.victim.live:
            yield Choice("foreign reference", row(**{name: world.victim.live[parent].id}), _stopping(model, name))
    yield Choice("foreign id", row(**key, id=target.id))
    if model is not Organization:
        yield Choice("foreign owner", row(**key, **{ORGANIZATION_ID: world.victim.organization_id}))
    yield Choice("foreign object", target.detached, brings_objects=True)


def patches(world: World, model: Model) -> Iterator[Choice]:
    """Changes of a row: of the victim's, and of an own one towards the victim's."""
    yield Choice("foreign id", lambda: changes(model, **_harmless(world, model)))
    for name, parent in references(model).items():
        if parent in world.victim.live:
            reference: dict[str, object] = {name: world.victim.live[parent].id}
            yield Choice("foreign reference", _changing(model, reference), _stopping(model, name), on_own=True)
    for name in natural_key(model):
        if name not in references(model) and name in world.victim.row(model).fields:
            value = {name: world.victim.row(model).fields[name]}
            yield Choice("takeover", _changing(model, value), on_own=True)
    if model is not Organization:
        yield Choice("foreign owner", _changing(model, {ORGANIZATION_ID: world.victim.organization_id}), on_own=True)


def changes(model: Model, **values: object) -> DomainModel:
    """A patch of just these fields, unvalidated as yet."""
    fields: dict[str, Any] = dict.fromkeys(values, (object, None))
    patch: type[DomainModel] = create_model(f"{model.__name__}Changes", __base__=DomainModel, **fields)
    return patch(**values)


def filled(patch: type[DomainModel]) -> DomainModel:
    """A patch of a class that the method asks for: its first field that takes a text, or its examples."""
    for name in patch.model_fields:
        try:
            return patch.model_validate({name: "Taken over"})
        except ValidationError:
            continue
    return build(patch)


def _stopping(model: Model, reference: str) -> frozenset[Layer]:
    # An upsert by a reference finds the row that has it, and never gets as far as to the key.
    return REPOSITORY if reference in natural_key(model) else KEYED


def _changing(model: Model, values: dict[str, object]) -> Callable[[], object]:
    return lambda: changes(model, **values)


def _harmless(world: World, model: Model) -> dict[str, object]:
    """A change that the model takes: a value like the attacker's own, of a field that need not be unique."""
    marks = world.attacker.row(model).marks.items()
    return dict([item for item in marks if item[0] not in natural_key(model)][:1]) or dict(list(marks)[:1])
