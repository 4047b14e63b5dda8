"""An attacker's input: rows and patches that reach for what is the victim's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError, create_model

from ...kit.model import DomainModel
from ...kit.model.tables import ORGANIZATION_ID
from ...organizations.model import Organization
from ..building import build
from .discovery import Model, references
from .world import World


@dataclass(frozen=True)
class Choice:
    """A value for a parameter. ``on_own``: the other parameters name the attacker's own rows."""

    attack: str
    value: Callable[[], object]
    on_own: bool = False
    brings_objects: bool = False


def rows(world: World, model: Model) -> Iterator[Choice]:
    """Rows of the model, most of them legal but for one value."""
    target = world.victim.row(model)
    own = {} if model is Organization else world.attacker.parents(model)
    key = {name: value for name, value in target.natural.items() if name not in own}
    row = partial(build, model, **own)
    yield Choice("takeover", partial(row, **key))
    for name, value in world.victim.parents(model).items():
        yield Choice("foreign reference", partial(row, **{name: value}))
    yield Choice("foreign id", partial(row, **key, id=target.id))
    if model is not Organization:
        yield Choice("foreign owner", partial(row, **key, **{ORGANIZATION_ID: world.victim.organization_id}))
    yield Choice("foreign object", target.detached, brings_objects=True)


def patches(world: World, model: Model) -> Iterator[Choice]:
    """Changes of a row: of the victim's, and of an own one towards the victim's."""
    yield Choice("foreign id", partial(changes, model, **world.change(model)))
    for name, value in world.victim.parents(model).items():
        yield Choice("foreign reference", partial(changes, model, **{name: value}), on_own=True)
    for name, value in world.victim.row(model).natural.items():
        if name not in references(model):
            yield Choice("takeover", partial(changes, model, **{name: value}), on_own=True)
    if model is not Organization:
        owner = {ORGANIZATION_ID: world.victim.organization_id}
        yield Choice("foreign owner", partial(changes, model, **owner), on_own=True)


def changes(model: Model, /, **values: object) -> DomainModel:
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
