"""``constructor``: a repository's ``create`` with the keywords of its model, typed."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
SelfT = TypeVar("SelfT")
EntityT = TypeVar("EntityT")


def constructor(
    model: Callable[P, EntityT], *, beside: Callable[..., object] | None = None
) -> Callable[[Callable[[SelfT, EntityT], EntityT]], Callable[Concatenate[SelfT, P], EntityT]]:
    """Give ``method(self, entity)`` the keywords of the model's constructor, typed::

    @constructor(Order)
    def create(self, entity: Order) -> Order:
        return self.add(entity)

    ``beside``: the class to which a function as ``model`` hands on the keywords that it does not name.
    """

    def decorate(method: Callable[[SelfT, EntityT], EntityT]) -> Callable[Concatenate[SelfT, P], EntityT]:
        @wraps(method)
        def create(self: SelfT, /, *args: P.args, **fields: P.kwargs) -> EntityT:
            return method(self, model(*args, **fields))

        me = Parameter("self", Parameter.POSITIONAL_ONLY)
        parameters = {**(signature(beside).parameters if beside else {}), **signature(model).parameters}
        named = (one for one in parameters.values() if one.kind is not Parameter.VAR_KEYWORD)
        required_first = sorted(named, key=lambda one: one.default is not Parameter.empty)
        create.__signature__ = Signature([me, *required_first])  # type: ignore[attr-defined]  # inspect reads it
        return create

    return decorate
