"""Column types: what PostgreSQL and SQLite must store alike."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError
from sqlalchemy import JSON, BigInteger, Float, Integer, Numeric
from sqlalchemy import Enum as SAEnum
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.mutable import MutableDict, MutableList
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

from ..private import PlainParents
from .fields import Text, storable
from .json_conditions import JSONComparator

T = TypeVar("T")

_INT64_MAX = 2**63 - 1
_PLAIN = (str, int, float, Decimal, date, UUID, Enum)
_JSON = ConfigDict(allow_inf_nan=False, hide_input_in_errors=True)


class UtcDateTime(UTCDateTime):
    """SQLModel's, read on PostgreSQL without its conversion: every connection there speaks UTC already."""

    cache_ok: bool = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.utcoffset() is None:
            raise ValueError("a time needs its offset, as datetime.now(UTC) has it")
        return super().process_bind_param(value, dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # SQLAlchemy's type for it has no public name
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None


UTC_DATETIME = UtcDateTime()


class Money(TypeDecorator[Decimal]):
    """Exact decimals: NUMERIC on PostgreSQL, integers scaled by 10**scale on SQLite (which has no decimal)."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Numeric
    cache_ok: bool | None = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        # The 2 of amount * 2 is no amount, and must not be scaled.
        if op not in (operators.mul, operators.truediv, operators.floordiv, operators.mod):
            return self
        return Numeric() if isinstance(value, Decimal) else Float() if isinstance(value, float) else Integer()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        exact: TypeEngine[Any] = Numeric(self.precision, self.scale)
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else exact)

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | int | None:
        if value is None or dialect.name != "sqlite":
            return value
        scaled = int(Decimal(value).scaleb(self.scale).to_integral_value(ROUND_HALF_EVEN))
        if abs(scaled) > _INT64_MAX:
            raise ValueError(f"SQLite holds amounts up to {Decimal(_INT64_MAX).scaleb(-self.scale):f}")
        return scaled

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return value if value is None or dialect.name != "sqlite" else Decimal(value).scaleb(-self.scale)


class Rank(TypeDecorator[Decimal]):
    """An amount as ``rank_column`` has it: a float, on SQLite of the scaled integer."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Float
    cache_ok: bool | None = True

    def __init__(self, amount: Money) -> None:
        super().__init__()
        self.amount = amount

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Return the float, or None."""
        held = self.amount.process_bind_param(value, dialect)
        return None if held is None else float(held)


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    kind: type | None = annotation if isinstance(annotation, type) else None
    is_model = kind is not None and issubclass(kind, BaseModel)
    return TypeAdapter(annotation) if is_model else TypeAdapter(annotation, config=_JSON)


def _refuse_unstorable(dumped: JsonValue, at: str = "") -> None:
    """Raise ValueError, with the place, for a text that PostgreSQL could not store; SQLite would."""
    if isinstance(dumped, str):
        try:
            storable(dumped)
        except ValueError as error:
            raise ValueError(f"a text in a JSON value{at and f' (at {at[1:]})'} {error}") from None
    elif isinstance(dumped, list | dict):
        for key, item in dumped.items() if isinstance(dumped, dict) else enumerate(dumped):
            _refuse_unstorable(key)
            _refuse_unstorable(item, f"{at}.{key}")


def _is_plain(annotation: Any) -> bool:
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return all(_is_plain(kind) for kind in get_args(annotation) if isinstance(kind, type))
    kind: type | None = annotation if isinstance(annotation, type) else None
    return kind is not None and issubclass(kind, (*_PLAIN, type(None)))


class JSONOf(TypeDecorator[T], Generic[T]):
    """JSON validated by pydantic on its way in and out.

    JSONB on PostgreSQL; with ``verbatim`` JSON, which keeps the text as it was written, with its escapes of NUL
    and lone surrogates. What is read is checked against ``stored``.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = JSON
    cache_ok: bool | None = True

    def __init__(self, annotation: type[T], *, stored: type[T] | None = None, verbatim: bool = False) -> None:
        super().__init__(none_as_null=True)
        self.annotation = annotation
        self.stored: type[T] = stored or annotation
        self.verbatim = verbatim
        self._adapter: TypeAdapter[T] = _adapter(annotation)
        self._stored: TypeAdapter[T] = _adapter(self.stored)
        self.is_deep: bool = not verbatim and not all(map(_is_plain, get_args(annotation) or [annotation]))
        """True if it can change inside without telling its row."""

    @property
    def comparator_factory(self) -> Any:  # type: ignore[override]  # in SQLAlchemy it is a property, too
        return JSONComparator

    def checked(self, value: object) -> T:
        """The value. Raises pydantic's ValidationError where the column can't hold it."""
        return self._adapter.validate_python(value)

    def dumped(self, value: T) -> bytes:
        """The value as JSON, to see whether it changed; empty where it has none, and is refused when it is written."""
        try:
            return self._adapter.dump_json(value, warnings=False)
        except PydanticSerializationError:
            return b""

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql" and not self.verbatim:
            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))

    def process_bind_param(self, value: T | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        checked = self.checked(value)  # the only check of an in-place change
        if self.verbatim:  # dumping would replace the lone surrogates in keys
            return checked
        dumped = self._adapter.dump_python(checked, mode="json", by_alias=False)
        if self.is_deep:  # pydantic takes objects of a model as they are, and would refuse to read what they hold
            self._read(dumped)
        _refuse_unstorable(dumped)
        return dumped

    def process_result_value(self, value: Any | None, dialect: Dialect) -> T | None:
        return None if value is None else self._read(value)

    def _read(self, value: object) -> T:
        read: T = self._stored.validator.validate_python(value, by_name=True)
        return read


class TrackedList(PlainParents, MutableList[Any]):
    """A list that tells its row of a change in place."""


class TrackedDict(PlainParents, MutableDict[Any, Any]):
    """A dict that tells its row of a change in place."""


def _stored(item: object) -> Any:
    """The kind to check what is read against: every text there is storable, and all JSON is a ``JsonValue``."""
    return str if item == Text else Any if item is JsonValue else item


def json_list(item: object) -> TypeEngine[list[object]]:
    """A column for ``list[item]`` that notices ``append`` and the other in-place changes."""
    kind: Any = list[item]  # type: ignore[valid-type]  # known at run time
    stored: Any = list[_stored(item)]  # type: ignore[misc]  # as above
    return TrackedList.as_mutable(JSONOf(kind, stored=stored))


def json_dict(value: object, *, verbatim: bool = False) -> TypeEngine[dict[str, object]]:
    """A column for ``dict[str, value]`` that notices changes of its keys."""
    kind: Any = dict[str if verbatim else Text, value]  # type: ignore[misc]  # as above
    stored: Any = dict[str, _stored(value)]  # type: ignore[misc]  # as above
    return TrackedDict.as_mutable(JSONOf(kind, stored=stored, verbatim=verbatim))


def json_model(model: type[T]) -> TypeEngine[T]:
    """A column for one pydantic model. A session notices what changes in it, at any depth, when it flushes."""
    return JSONOf(model)


def _values(enum_class: type[Enum]) -> list[str]:
    return [str(member.value) for member in enum_class]


def stored_words(kind: SAEnum) -> list[str]:
    """The words that the database holds, if the type is one of ours: the values of an enum, not its names."""
    return kind.enums if kind.enum_class is None else _values(kind.enum_class)


def value_enum(enum_class: type[Enum], *, length: int = 32) -> SAEnum:
    """VARCHAR holding the member's value. (Under row level security PostgreSQL uses no index for a native enum.)

    The CHECK comes from the field (see ``checks``), like every other.
    """
    return SAEnum(enum_class, native_enum=False, create_constraint=False, length=length, values_callable=_values)


def literal_enum(words: Sequence[str]) -> SAEnum:
    """The same for the words of a ``Literal``."""
    return SAEnum(*words, native_enum=False, create_constraint=False, length=max(32, *map(len, words)))
