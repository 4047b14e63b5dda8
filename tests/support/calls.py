"""A call of any public method of any repository, with rows of organization 1: found, so that no test needs a list."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from itertools import count
from typing import Any

from sqlmodel import select

from domain import Organization, OrganizationRepository, Repository, TenantRepository, repositories
from domain.kit.model.managed import managed_fields
from domain.kit.model.tables import ORGANIZATION_ID
from domain.kit.session import DomainSession
from domain.testing import build
from domain.testing.attack.discovery import public_methods, references
from domain.testing.attack.entities import changes
from domain.testing.attack.filling import is_optional
from domain.testing.attack.marking import marked
from domain.testing.attack.outcome import settled
from domain.testing.building import natural_key

Kind = Any  # the class of a repository, of whatever model
Call = Callable[..., object]  # of a repository, and of keywords besides

KINDS: list[Kind] = [
    kind
    for kind in vars(repositories).values()
    if isinstance(kind, type) and issubclass(kind, Repository) and kind not in (Repository, TenantRepository)
]
TENANT_KINDS = [kind for kind in KINDS if kind.model is not Organization]
REFUSED = (OrganizationRepository, "soft_delete_where")  # organizations are deleted one at a time
METHODS: list[tuple[Kind, str]] = [
    (kind, name) for kind in KINDS for name in public_methods(kind) if (kind, name) != REFUSED
]
FIRST = {
    "restore": "soft_delete",
    "restore_deletion": "soft_delete",
    "renew": "claim",
    "return_usage": "update_usage",
}
"""What is done before, so that there is something to do."""

_numbers = count(1)


def models() -> list[type[Any]]:
    """Those of the repositories, parents first."""
    found: list[type[Any]] = []
    waiting = [kind.model for kind in TENANT_KINDS]
    while waiting:
        model = waiting.pop(0)
        (found if {*references(model).values()} <= {*found} else waiting).append(model)
    return found


def fill(session: DomainSession, number: int) -> None:
    """Store so many rows of every tenant model, below the first parent, or below one each that takes no more."""
    stored: dict[type[Any], list[Any]] = {}
    for model in models():
        key, parents = natural_key(model), references(model)
        stored[model] = [
            whole(model, **{name: stored[parents[name]][n if name in key else 0].id for name in parents})
            for n in range(number)
        ]
        session.add_all(stored[model])
        session.flush()


def whole(model: type[Any], **fields: object) -> Any:
    """An object with a value in every field that a caller may write, and a natural key like no other's."""
    found: dict[str, Any] = {}
    for name in model.model_fields.keys() - managed_fields(model) - fields.keys() - {ORGANIZATION_ID}:
        field = model.model_fields[name]
        if field.examples and not field.is_required():
            found[name] = f"{next(_numbers)}" if name in natural_key(model) else field.examples[0]
    return build(model, **found, **fields)


def organization_parameter(kind: Kind, name: str) -> str | None:
    """What names the organization in the method's call, if anything may; ``id``: it is the row's own."""
    function: Any = getattr(kind, name)
    parameters = parameters_of(function)
    if kind.model is Organization:
        is_of_one = not is_constructor(function) and "org_id" in parameters and name not in {"add", "create_many"}
        return "id" if {"entity_id", "org_id"} & {*required(function)} else "org_id" if is_of_one else None
    return "organization_id" if is_constructor(function) else "org_id" if "org_id" in parameters else None


def required(function: Any) -> list[str]:
    """The names of the parameters without which it can't be called."""
    return [
        name
        for name, parameter in list(parameters_of(function).items())[1:]
        if not is_optional(parameter) and parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    ]


def parameters_of(function: Any) -> Mapping[str, Parameter]:
    """The parameters as they are written; a constructor shows those of its model."""
    return signature(function.__wrapped__ if is_constructor(function) else function).parameters


def is_constructor(function: Any) -> bool:
    """Whether it takes the fields of the model by keyword."""
    return hasattr(function, "__wrapped__")


def ids(function: Any) -> list[str]:
    """Those of them that take the id of a row."""
    parameters = parameters_of(function)
    return [name for name in required(function) if name.endswith("_id") and parameters[name].annotation is int]


def prepared(session: DomainSession, kind: Kind, name: str, *, many: int = 1) -> Call:
    """How to call the method, so that it finds rows, and takes so ``many`` where it takes many."""
    row = first_row(session, kind.model)
    if name in FIRST:
        assert given(session, kind, FIRST[name], row, many)(kind(session))
    return given(session, kind, name, row, many)


def first_row(session: DomainSession, model: type[Any]) -> Any:
    """The live row with the lowest id."""
    return session.exec(select(model).order_by(model.id).limit(1)).one()


def new_row(session: DomainSession, model: type[Any]) -> Any:
    """A row to be stored: below a new parent where that takes one alone."""
    fields: dict[str, Any] = {}
    for name, parent in references(model).items():
        if name in natural_key(model):
            above = new_row(session, parent)
            session.add(above)
            session.flush()
        else:
            above = first_row(session, parent)
        fields[name] = above.id
    return whole(model, **fields)


def twin(row: Any, **fields: object) -> Any:
    """A new object with the natural key of a row, and what that refers to."""
    model: type[Any] = row.__class__
    return build(model, **{name: getattr(row, name) for name in {*natural_key(model), *references(model)}}, **fields)


def given(session: DomainSession, kind: Kind, name: str, row: Any, many: int = 1) -> Call:
    """How to call the method on that row."""
    function: Any = getattr(kind, name)
    positional: list[object] = []
    keywords: dict[str, object] = {}
    if is_constructor(function):
        entity = twin(row) if name == "upsert" else new_row(session, kind.model)
        keywords = {field: getattr(entity, field) for field in entity.model_fields_set}
    else:
        positional = [_value(session, row, name, key, many) for key in required(function)]
    if name == "soft_delete_where":
        stored = session.exec(select(kind.model.id).order_by(kind.model.id).limit(many))
        positional = [kind.model.id.in_(stored.all())]

    def call(repository: Any, **more: object) -> object:
        return settled(getattr(repository, name)(*positional, **keywords, **more))

    return call


def _value(session: DomainSession, row: Any, method: str, name: str, many: int) -> object:
    """What a method's parameter of this name takes."""
    model: type[Any] = row.__class__
    if name == "entity":
        return twin(row) if method == "put" else new_row(session, model)
    if name == "rows":
        new = [new_row(session, model) for _ in range(many)]
        if method != "upsert_many":
            return new
        stored = session.exec(select(model).order_by(model.id).limit(many))
        return [*(twin(each, **_change(model)) for each in stored), *new]
    if name == "changes":
        return changes(model, **_change(model))
    if name in {"org_id", "organization_id"}:
        return row.id if model is Organization else row.organization_id
    if name in model.model_fields:
        return getattr(row, name)
    if name.endswith("_id"):
        return row.id
    if name == "text":
        return "bridge"
    raise LookupError(f"no value is known for the parameter {name!r} of {model.__name__}'s {method}: give it one here")


def _change(model: type[Any]) -> dict[str, Any]:
    """A value for a field that need not be unique."""
    _, marks = marked(model, f"changed-{next(_numbers)}", 1)
    return dict([item for item in marks.items() if item[0] not in natural_key(model)][:1])
