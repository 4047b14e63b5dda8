"""The column of a field; unless the field names a type, it has one that both databases store alike."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Json, JsonValue, NaiveDatetime
from pydantic import Field as PydanticField
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import JSON, Column, DateTime, Interval, Numeric, PickleType
from sqlalchemy import Enum as SAEnum
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import CompileError
from sqlalchemy.types import NullType, TypeEngine
from sqlmodel.main import FieldInfoMetadata, get_column_from_field  # pyright: ignore[reportUnknownVariableType]  # a bare Column

from .fields import LocalTime, UtcDatetime, as_utc
from .types import UTC_DATETIME, Money, json_dict, json_list, json_model, literal_enum, stored_words, value_enum

_DIGITS = ("max_digits", "decimal_places")
_INSTEAD = (
    "write a StrEnum for words out of a list, a pydantic model, list or dict for JSON, Decimal with max_digits and"
    " decimal_places or sa_type=Money(20, 4) for amounts, or another sa_type"
)
_AWARE = "write datetime, without an sa_type: it is aware, and stored in UTC"
_SECONDS = "write its seconds, as int or float"
# SQLModel has a column for them, but writing fails, or the audit trail says something else on each database.
_OTHERWISE: dict[object, str] = {
    **dict.fromkeys((set, frozenset, tuple), "write list[...], which is JSON"),
    **dict.fromkeys((IPv4Address, IPv4Network, IPv6Address, IPv6Network, Path), "write str"),
    timedelta: _SECONDS,
    NaiveDatetime: _AWARE,
}
_DIALECTS: tuple[Dialect, ...] = (postgresql.dialect(), sqlite.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's


def complete_field(field: FieldInfo) -> bool:
    """Let a table's field refuse what its column would change in silence; True where that is new to the field."""
    kind, parts = _parted(field.annotation, field.metadata)
    if _names_type(_given(field)):
        return False
    if kind is Decimal and not _limits(parts):  # as many as SQLite's integers hold
        field.metadata = [*field.metadata, *PydanticField(max_digits=18, decimal_places=6).metadata]
        return True
    precise = _precise(field.annotation)
    if precise == field.annotation or any(getattr(part, "func", None) is as_utc for part in parts):
        return False
    field.annotation = precise
    return True


def column_of(model: str, name: str, field: FieldInfo) -> Column[Any]:
    """Make the field's column. Raises TypeError, naming the field, where no column holds it on both databases."""
    given = _given(field)
    kind, parts = _parted(field.annotation, field.metadata)
    instead = None if _names_type(given) else _otherwise(kind, parts)
    if instead is None:
        try:
            if not _names_type(given) and (found := _type_of(kind, parts)) is not None:
                given = replace(given, sa_type=found, nullable=True if kind is JsonValue else given.nullable)
                field.metadata = [given, *field.metadata]  # for derived classes, too
            column: Column[Any] = get_column_from_field(field)  # pyright: ignore[reportUnknownVariableType]  # SQLModel's
        except (TypeError, ValueError):
            instead = _INSTEAD
        else:
            instead = _refused(name, column)
            if column.computed is not None:
                column.computed.persisted = True  # PostgreSQL has no other before 18, and no index on others then
            if instead is None:
                return column
    raise TypeError(f"{model}.{name}: no column holds {field.annotation} alike on both databases; {instead}")


def _given(field: FieldInfo) -> FieldInfoMetadata:
    given = next((part for part in field.metadata if isinstance(part, FieldInfoMetadata)), None)
    options = {option.name: getattr(field, option.name, PydanticUndefined) for option in fields(FieldInfoMetadata)}
    return given or FieldInfoMetadata(**options)


def _names_type(given: FieldInfoMetadata) -> bool:
    return given.sa_type is not PydanticUndefined or given.sa_column is not PydanticUndefined


def _parted(annotation: Any, parts: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The type without ``| None``, and what ``Annotated`` and the field say of it."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    if get_origin(annotation) is Annotated:
        more = (part.metadata if isinstance(part, FieldInfo) else [part] for part in kinds[1:])
        return _parted(kinds[0], [*parts, *chain.from_iterable(more)])
    if get_origin(annotation) in (Union, UnionType) and len(kinds) == 1:
        return _parted(kinds[0], parts)
    return annotation, list(parts)


def _precise(annotation: Any) -> Any:
    """The annotation with what Python's type lets through and no column holds: naive times, what is no JSON."""
    inside: tuple[Any, ...] = tuple(JsonValue if kind is Any else kind for kind in get_args(annotation))
    match get_origin(annotation) or annotation:
        case cls if cls is datetime:
            return UtcDatetime
        case cls if cls is time:
            return LocalTime
        case cls if cls is Any:
            return JsonValue
        case cls if cls is list:
            return list.__class_getitem__(inside or (JsonValue,))
        case cls if cls is dict:
            return dict.__class_getitem__(inside or (str, JsonValue))
        case cls if cls in (Union, UnionType):
            return Union[tuple(map(_precise, inside))]  # noqa: UP007  # of a tuple
        case _:
            return annotation


def _otherwise(kind: Any, parts: Sequence[Any]) -> str | None:
    """Name what to write in place of a type that SQLModel has a column for, though not a right one."""
    inside = get_args(kind)
    if any(part is Json or type(part) is Json for part in [kind, *parts]):
        return "write the type of what is in the text, as in list[int]"
    match get_origin(kind) or kind:
        case cls if cls is dict and inside and not _is_text(_parted(inside[0], ())[0]):
            return "write dict[str, ...]: the keys of JSON are texts"
        case cls if cls is Literal and not _is_text(kind):
            return "write an Enum"
        case cls if cls is Decimal and len(_limits(parts)) == 1:
            return "write max_digits and decimal_places, both"
        case cls if isinstance(cls, type):
            return _OTHERWISE.get(cls)
        case _:
            return None


def _is_text(kind: Any) -> bool:
    is_of_texts = get_origin(kind) is Literal and all(isinstance(word, str) for word in get_args(kind))
    return is_of_texts or (isinstance(kind, type) and issubclass(kind, str))


def _type_of(kind: Any, parts: Sequence[Any]) -> TypeEngine[Any] | None:
    """The type of a field for which SQLModel has none, or one that differs between the databases."""
    inside = get_args(kind)
    match get_origin(kind) or kind:
        case cls if cls is JsonValue:
            return json_model(kind)
        case cls if cls is Literal:
            return literal_enum(inside)
        case type() as cls if issubclass(cls, Enum):
            return value_enum(cls, length=max(32, *(len(str(member.value)) for member in cls)))
        case type() as cls if issubclass(cls, BaseModel):
            return json_model(cls)
        case type() as cls if cls is list:
            return json_list(inside[0] if inside else JsonValue)
        case type() as cls if cls is dict:
            return json_dict(inside[1] if inside else JsonValue)
        case type() as cls if cls is Decimal:
            return Money(*_limits(parts))
        case type() as cls if cls is datetime:
            return UTC_DATETIME
        case _:
            return None


def _limits(parts: Sequence[Any]) -> list[int]:
    found = {name: getattr(part, name) for part in parts for name in _DIGITS if hasattr(part, name)}
    return [found[name] for name in _DIGITS if name in found]


def _refused(name: str, column: Column[Any]) -> str | None:
    """Name what to write in place of a column that was made or given; None where it will do."""
    if column.name not in (None, name) or column.key not in (None, name):
        return f"a column has the name of its field; call the field {column.name or column.key!r}"
    match column.type:
        case Numeric():
            return "NUMERIC is a float on SQLite; write max_digits and decimal_places, or sa_type=Money(20, 4)"
        case DateTime():
            return _AWARE
        case Interval():
            return _SECONDS
        case JSON() | PickleType():
            return "what changes inside it is lost; leave the sa_type out, or write json_list, json_dict or json_model"
        case SAEnum() as kind if kind.native_enum or kind.create_constraint or kind.enums != stored_words(kind):
            return "leave the sa_type out, or write value_enum(...): VARCHAR with the values, and a CHECK"
        case NullType():  # of a reference, which takes that of its target
            return None
        case kind:
            return next((_without(kind, dialect) for dialect in _DIALECTS if not _is_known(kind, dialect)), None)


def _is_known(kind: TypeEngine[Any], dialect: Dialect) -> bool:
    try:
        return bool(kind.compile(dialect=dialect))
    except CompileError:
        return False


def _without(kind: TypeEngine[Any], dialect: Dialect) -> str:
    instead = "list, dict or a pydantic model for JSON, or add .with_variant"
    return f"{dialect.name} has no {type(kind).__name__}; write {instead}(..., {dialect.name!r})"
