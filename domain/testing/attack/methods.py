"""Calls of every public method of a repository, with one hostile value each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from typing import Any, get_type_hints

from ...kit.model import Entity
from ..building import natural_key
from .call import Call
from .discovery import Kind, public_methods, references
from .entities import Choice, rows
from .filling import Filler, is_id, is_optional
from .world import World

Parameters = dict[str, tuple[Parameter, Any]]  # with their types
Arguments = tuple[list[object], dict[str, object]]  # by place, and by name
_BY_PLACE = {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL}


@dataclass(frozen=True)
class Untried:
    """A method that can't be called without help."""

    method: str
    parameter: str


def method_calls(world: World, kind: Kind, arguments: Mapping[str, object]) -> Iterator[Call | Untried]:
    """Calls to try on each public method of the repository."""
    filler = Filler(world, kind.model, arguments)
    for name in public_methods(kind):
        if name in {"put", "upsert_many"} and not natural_key(kind.model):
            continue  # they need one, and say so
        function: Any = getattr(kind, name)
        if (model := _constructed(function)) is not None:
            for choice in rows(world, model):
                yield _call(kind, name, choice, partial(_fields_of, choice))
        else:
            yield from _calls(kind, name, filler, _parameters(function))


def _calls(kind: Kind, name: str, filler: Filler, parameters: Parameters) -> Iterator[Call | Untried]:
    required: dict[str, list[Choice]] = {}
    own: dict[str, list[Choice]] = {}
    optional: dict[str, list[Choice]] = {}
    for key, (parameter, hint) in parameters.items():
        choices = filler.choices(parameter, hint)
        if is_optional(parameter) or parameter.kind is Parameter.VAR_POSITIONAL:
            optional[key] = choices
        elif choices:
            required[key] = choices
            own[key] = filler.choices(parameter, hint, side=filler.world.attacker) or choices
        else:
            yield Untried(f"{kind.__name__}.{name}", key)
            return

    def call(choice: Choice, chosen: Mapping[str, Choice], *, loads: World | None = None) -> Call:
        return _call(kind, name, choice, partial(_arguments, parameters, chosen), loads=loads)

    usual = {key: choices[0] for key, choices in required.items()}
    mine = {key: choices[0] for key, choices in own.items()}
    deleted = {key: choices[0] for key, choices in optional.items() if key == "include_deleted"}
    if all(choice.attack == "plain" for choice in usual.values()):
        yield call(Choice("listing", list), usual)
    if any(map(is_id, required)):
        # What the attacker may do has to leave the victim alone, too: these go further than those that find nothing.
        gone = {key: choices[-1] for key, choices in own.items()}
        yield call(Choice("own row", list), mine, loads=filler.world)
        yield call(Choice("own row", list), gone, loads=filler.world)
    for key, choices in {**required, **optional}.items():
        for choice in choices:
            if choice.attack != "plain":
                others = mine if choice.on_own else usual
                yield call(choice, {**others, key: choice})
                if parameters[key][0].kind is Parameter.VAR_POSITIONAL and deleted:  # conditions on deleted rows, too
                    yield call(choice, {**others, **deleted, key: choice})


def _call(
    kind: Kind, name: str, choice: Choice, arguments: Callable[[], Arguments], *, loads: World | None = None
) -> Call:
    """``loads``: the session has loaded the attacker's rows that the method may touch."""

    def act(session: Any) -> object:
        if loads is not None:
            near = [m for m in (kind.model, *loads.models) if m is kind.model or kind.model in references(m).values()]
            held = [session.get(row.model, row.key) for row in map(loads.attacker.row, near)]
            session.info["held"] = held  # weakly referenced otherwise
        positional, keywords = arguments()
        return getattr(kind(session), name)(*positional, **keywords)

    method = f"{kind.__name__}.{name}"
    return Call(method, choice.attack, act, arguments(), brings_objects=choice.brings_objects)


def _arguments(parameters: Parameters, chosen: Mapping[str, Choice]) -> Arguments:
    positional: list[object] = []
    keywords: dict[str, object] = {}
    for key, (parameter, _) in parameters.items():
        if key in chosen:
            value = chosen[key].value()
            if parameter.kind in _BY_PLACE or not (parameter.kind is Parameter.KEYWORD_ONLY or is_optional(parameter)):
                positional.append(value)
            else:
                keywords[key] = value
    return positional, keywords


def _fields_of(choice: Choice) -> Arguments:
    row: Any = choice.value()
    return [], {field: getattr(row, field) for field in row.model_fields_set}


def _parameters(function: Any) -> Parameters:
    try:
        hints = get_type_hints(function)
    except NameError:
        hints = {}
    found = {name: p for name, p in signature(function).parameters.items() if p.kind is not Parameter.VAR_KEYWORD}
    return {name: (p, hints.get(name, p.annotation)) for name, p in found.items() if name != "self"}


def _constructed(function: Any) -> type[Any] | None:
    """The model whose constructor a method made with ``@constructor`` takes the keywords of."""
    if "__signature__" not in vars(function):  # which it sets
        return None
    kinds = get_type_hints(function).values()
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Entity)), None)
