"""The column of a field; unless the field names a type, it has one that both databases store alike."""

from dataclasses import fields, replace
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine
from sqlmodel.main import FieldInfoMetadata, get_column_from_field  # pyright: ignore[reportUnknownVariableType]  # a bare Column

from .types import Money, json_dict, json_list, json_model, value_enum

_INSTEAD = (
    "write a StrEnum for words out of a list, a pydantic model, list or dict for JSON, Decimal with max_digits and"
    " decimal_places or sa_type=Money(20, 4) for amounts, or another sa_type"
)


def column_of(model: str, name: str, field: FieldInfo) -> Column[Any]:
    """Make the field's column. Raises TypeError, naming the field, where no column holds it."""
    given = next((part for part in field.metadata if isinstance(part, FieldInfoMetadata)), None)
    if given is None:
        options = {option.name: getattr(field, option.name, PydanticUndefined) for option in fields(FieldInfoMetadata)}
        given = FieldInfoMetadata(**options)
    has_type = given.sa_type is not PydanticUndefined or given.sa_column is not PydanticUndefined
    try:
        if not has_type and (found := _type_of(field)) is not None:
            field.metadata = [replace(given, sa_type=found), *field.metadata]  # for derived classes, too
        column: Column[Any] = get_column_from_field(field)  # pyright: ignore[reportUnknownVariableType]  # SQLModel's
        return column
    except (TypeError, ValueError) as error:
        raise TypeError(f"{model}.{name}: no column holds {field.annotation}; {_INSTEAD}") from error


def _type_of(field: FieldInfo) -> TypeEngine[Any] | None:
    """The type of a field for which SQLModel has none, or one that differs between the databases."""
    kind: Any = _without_none(field.annotation)
    inside = get_args(kind)
    match get_origin(kind) or kind:
        case type() as cls if issubclass(cls, Enum):
            return value_enum(cls, length=max(32, *(len(str(member.value)) for member in cls)))
        case type() as cls if issubclass(cls, BaseModel):
            return json_model(cls)
        case type() as cls if cls is list:
            return json_list(inside[0] if inside else JsonValue)
        case type() as cls if cls is dict:
            return json_dict(inside[1] if inside else JsonValue)
        case type() as cls if cls is Decimal:
            limits = {name: getattr(part, name) for part in field.metadata for name in _DIGITS if hasattr(part, name)}
            if limits.keys() != set(_DIGITS):
                raise TypeError("digits are missing")
            return Money(*(limits[name] for name in _DIGITS))
        case _:
            return None


_DIGITS = ("max_digits", "decimal_places")


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    is_optional = type(None) in get_args(annotation) and len(kinds) == 1
    return kinds[0] if is_optional else annotation
