"""Calls of every public method of a repository, with one hostile value each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, get_args, get_type_hints

from ...kit.model import DomainModel, Entity
from ...kit.session import TenantSession
from .call import Call
from .discovery import Kind, public_methods, references
from .entities import Choice, rows
from .filling import Filler, is_id
from .layers import Layer
from .world import World, natural_key


@dataclass(frozen=True)
class Untried:
    """A method that can't be called without help."""

    method: str
    parameter: str


def method_calls(world: World, kind: Kind, arguments: Mapping[str, object]) -> Iterator[Call | Untried]:
    """What to try on each public method of the repository."""
    filler = Filler(world, kind.model, arguments)
    for name in public_methods(kind):
        if name in {"put", "upsert_many"} and not natural_key(kind.model):
            continue  # they need one, and say so
        function: Any = getattr(kind, name)
        title = f"{kind.__name__}.{name}"
        if (model := _constructed(function)) is not None:
            for choice in rows(world, model):
                yield _call(kind, name, choice, _keywords_of(choice))
        else:
            yield from _calls(kind, name, title, filler, _parameters(function))


def _calls(
    kind: Kind, name: str, title: str, filler: Filler, parameters: dict[str, tuple[Parameter, Any]]
) -> Iterator[Call | Untried]:
    required: dict[str, list[Choice]] = {}
    own: dict[str, list[Choice]] = {}
    optional: dict[str, list[Choice]] = {}
    for key, (parameter, hint) in parameters.items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            continue
        choices = _choices(filler, parameter, hint)
        if parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL:
            if not choices:
                yield Untried(title, key)
                return
            required[key] = choices
            own[key] = filler.choices(parameter, hint, side=filler.world.attacker) or choices
        else:
            optional[key] = choices
    deleted = {key: choices[0] for key, choices in optional.items() if key == "include_deleted" and choices}
    usual = {key: choices[0] for key, choices in required.items()}
    mine = {key: choices[0] for key, choices in own.items()}
    if not any(choice.attack != "plain" for choice in usual.values()):
        yield _call(kind, name, Choice("listing", lambda: None), _values(parameters, usual))
    for row in ("live", "deleted") if any(map(is_id, required)) else ():
        # What the attacker may do has to leave the victim alone, too: these go further than those that find nothing.
        held = {k: c[-1] if row == "deleted" else c[0] for k, c in own.items()}
        yield _call(kind, name, Choice("own row", lambda: None), _values(parameters, held), loads=filler.world)
    for key, choices in {**required, **optional}.items():
        for choice in choices:
            if choice.attack != "plain":
                others = mine if choice.on_own else usual
                yield _call(kind, name, choice, _values(parameters, {**others, key: choice}))
                if parameters[key][0].kind is Parameter.VAR_POSITIONAL and deleted:  # conditions on deleted rows, too
                    yield _call(kind, name, choice, _values(parameters, {**others, **deleted, key: choice}))


def _choices(filler: Filler, parameter: Parameter, hint: Any) -> list[Choice]:
    # Of rows that are told apart by their natural key, a caller may hand in any content.
    if any(DomainModel in (kind, *get_args(kind)) for kind in get_args(hint)):
        return [_listed(choice) for choice in filler.contents(filler.model)]
    return filler.choices(parameter, hint)


def _listed(choice: Choice) -> Choice:
    return Choice(choice.attack, lambda: [choice.value()], choice.stopped_by, choice.on_own, choice.brings_objects)


Arguments = Callable[[], list[Any]]  # [positional ones, keywords]


def _call(kind: Kind, name: str, choice: Choice, given: Arguments, *, loads: World | None = None) -> Call:
    def act(session: TenantSession, arguments: list[Any]) -> object:
        if loads is not None:
            near = [m for m in (kind.model, *loads.models) if m is kind.model or kind.model in references(m).values()]
            held = [session.get(row.model, row.key) for row in map(loads.attacker.row, near)]
            session.info["held"] = held  # weakly referenced otherwise
        return getattr(kind(session), name)(*arguments[0], **arguments[1])

    return Call(
        f"{kind.__name__}.{name}",
        choice.attack,
        act,
        given,
        stopped_by=choice.stopped_by - (set() if _is_ours(kind, name) else {Layer.PREDICATES}),
        brings_objects=choice.brings_objects,
    )


def _is_ours(kind: Kind, name: str) -> bool:
    """Whether a method is of this package, whose statements all carry their organization."""
    return str(getattr(kind, name).__module__).partition(".")[0] == __name__.partition(".")[0]


def _values(parameters: dict[str, tuple[Parameter, Any]], chosen: dict[str, Choice]) -> Arguments:
    def given() -> list[Any]:
        positional: list[object] = []
        keywords: dict[str, object] = {}
        for key, (parameter, _) in parameters.items():
            if key in chosen:
                value = chosen[key].value()
                by_place = parameter.kind in {Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL}
                if by_place or (parameter.kind is not Parameter.KEYWORD_ONLY and parameter.default is Parameter.empty):
                    positional.append(value)
                else:
                    keywords[key] = value
        return [positional, keywords]

    return given


def _keywords_of(choice: Choice) -> Arguments:
    def given() -> list[Any]:
        row: Any = choice.value()
        return [[], {field: getattr(row, field) for field in row.model_fields_set}]

    return given


def _parameters(function: Any) -> dict[str, tuple[Parameter, Any]]:
    try:
        hints = get_type_hints(function)
    except NameError:
        hints = {}
    found = list(signature(function).parameters.items())
    if found and found[0][0] == "self":
        found = found[1:]
    return {name: (parameter, hints.get(name, parameter.annotation)) for name, parameter in found}


def _constructed(function: Any) -> type[Any] | None:
    """The model whose constructor a method made with ``@constructor`` takes the keywords of."""
    takes = [p.kind for p in signature(function, follow_wrapped=False).parameters.values()]
    if not hasattr(function, "__wrapped__") or Parameter.VAR_KEYWORD not in takes:
        return None
    kinds = [hint for _, hint in _parameters(function).values()]
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Entity)), None)
