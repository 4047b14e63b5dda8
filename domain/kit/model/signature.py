"""The signature of a model's constructor, as ``inspect.signature`` and ``help`` show it."""

from inspect import Parameter, Signature
from keyword import iskeyword
from typing import Any, get_args

from pydantic.fields import FieldInfo

from .managed import managed_fields


class _Later:
    """A default that is no value of the field's type, or is made at each call."""

    def __repr__(self) -> str:
        return "..."


_LATER = _Later()


def signature_of(model: Any) -> Signature:
    """Keywords alone: the required fields first, and no managed one."""
    fields: dict[str, FieldInfo] = model.model_fields
    shown = [_parameter(name, field) for name, field in fields.items() if name not in managed_fields(model)]
    return Signature(sorted(shown, key=lambda parameter: parameter.default is not Parameter.empty))


def _parameter(name: str, field: FieldInfo) -> Parameter:
    is_word = field.alias is not None and field.alias.isidentifier() and not iskeyword(field.alias)
    keyword = field.alias if field.alias is not None and is_word else name
    return Parameter(keyword, Parameter.KEYWORD_ONLY, default=_default(field), annotation=field.annotation)


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return Parameter.empty
    is_none = field.default is None and type(None) not in get_args(field.annotation)
    return _LATER if is_none or field.default_factory is not None else field.default
