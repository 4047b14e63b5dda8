"""Field types and field specifiers that the models are written with."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Any, Literal, overload

from annotated_types import MaxLen
from pydantic import AfterValidator, BaseModel, BeforeValidator
from pydantic_core import PydanticUndefined
from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import QueryableAttribute, class_mapper, relationship
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, Relationship

from .graph import ON_DELETE, OnDelete

# SQLite gives database-generated ids to INTEGER keys only.
BigId: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")

ACTOR: dict[str, Any] = {"info": {"mentions": True}}
"""``sa_column_kwargs`` of a column that says who did something: erasing a person takes their addresses out of it."""


def utcnow() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def as_utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError on a time without an offset."""
    if value.utcoffset() is None:
        raise ValueError("needs a time zone offset, as in 2026-05-01T12:00:00+02:00 or ...Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range in UTC") from None


def max_length(model: type[BaseModel], field: str) -> int:
    """The most characters that the field takes; ``sys.maxsize`` where it has no limit."""
    limits = (limit.max_length for limit in model.model_fields[field].metadata if isinstance(limit, MaxLen))
    return min(limits, default=sys.maxsize)


def _without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("must have no time zone offset")
    return value


def storable(text: str) -> str:
    """The text itself. Raises ValueError where PostgreSQL could not store it: NUL, or half a surrogate pair."""
    if "\x00" in text:
        raise ValueError("must not contain the NUL character (U+0000)")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain an unpaired surrogate (U+D800 to U+DFFF)") from None
    return text


_WIDE = Context(prec=60)


def rounded(*, precision: int, scale: int) -> Callable[[Decimal], Decimal]:
    """Round half-even to ``scale`` decimals. Raises ValueError where NUMERIC(precision, scale) can't hold it."""
    limit = Decimal(10) ** (precision - scale)
    step = Decimal(1).scaleb(-scale)

    def fit(value: Decimal) -> Decimal:
        if not value.is_finite() or value.copy_abs() >= limit:  # abs() overflows
            raise ValueError(f"must be a number below {limit:f}")
        result = value.quantize(step, ROUND_HALF_EVEN, _WIDE)
        if abs(result) >= limit:
            raise ValueError(f"must be a number below {limit:f}")
        return result or abs(result)  # no database keeps the sign of -0

    return fit


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(storable)]
UtcDatetime = Annotated[datetime, AfterValidator(as_utc)]
LocalTime = Annotated[time, AfterValidator(_without_offset)]
Amount = Annotated[Decimal, BeforeValidator(_no_bool), AfterValidator(rounded(precision=20, scale=4))]
Cost = Annotated[Decimal, BeforeValidator(_no_bool), AfterValidator(rounded(precision=14, scale=6))]
# Lower-cased before its limits are checked: some letters become two.
LowerText = Annotated[str, BeforeValidator(_lower), AfterValidator(storable), AfterValidator(str.lower)]


def example(value: object, **schema: object) -> dict[str, Any]:
    """``schema_extra`` with one example, and what else a JSON schema may say (``pattern``)."""
    return {"examples": [value], **schema}


# Says ``init=False`` to pyrefly, which heeds that for no class of pydantic's: a keyword that nobody can write.
NoKeyword = Literal["<managed>"]


def managed_field(
    *,
    init: Literal[False] = False,
    validation_alias: NoKeyword = "<managed>",
    audited: bool = True,
    by_library: bool = False,
    **options: Any,
) -> Any:
    """A column that code fills in, not a client: readable and typed, no constructor keyword, in no update.

    A change of columns that are not ``audited``, and of no other, has no entry in the audit trail.
    """
    column = options.pop("sa_column_kwargs", {})
    info = {"managed": True, "audited": audited, "by_library": by_library}
    return Field(sa_column_kwargs={**column, "info": info}, **options)


def library_field(*, init: Literal[False] = False, validation_alias: NoKeyword = "<managed>", **options: Any) -> Any:
    """A managed column that only the library fills in: assignments and hand-written statements are refused.

    A repository writes it by an UPDATE that returns the id, which ``Scope.change`` runs.
    """
    return managed_field(by_library=True, **options)


def personal_field(**options: Any) -> Any:
    """A column that identifies a person: the audit trail keeps its values apart, where they can be erased."""
    column = options.pop("sa_column_kwargs", {})
    return Field(sa_column_kwargs={**column, "info": {"personal": True}}, **options)


def lookup_field(**options: Any) -> Any:
    """A secret of a tenant table, as an API key's hash: ``Database.find_by_secret`` finds its row by the whole value.

    Unique among the live rows of all organizations, in no repr, response, error or audit entry. The rows are deleted
    with their organization.
    """
    column = options.pop("sa_column_kwargs", {})
    return Field(exclude=True, repr=False, sa_column_kwargs={**column, "info": {"looked_up": True}}, **options)


def relation(
    owner: str,
    target: str,
    column: str,
    *,
    init: Literal[False] = False,
    validation_alias: NoKeyword = "<managed>",
) -> Any:
    """A read-only relationship to the live row of ``target`` whose ``column`` refers to the owner.

    Name both with their modules: applications may have classes of the same names. ``lazy="raise"``: only methods that
    say so load it.
    """
    of_organization = f"{owner}.organization_id == foreign({target}.organization_id)"
    joined = f"and_({of_organization}, {owner}.id == foreign({target}.{column}), not_({target}.is_deleted))"
    options: dict[str, Any] = {"primaryjoin": joined, "viewonly": True, "lazy": "raise", "uselist": False}
    return Relationship(sa_relationship=relationship(target, **options))


def relationship_of(model: type[object], name: str) -> QueryableAttribute[object]:
    """A relationship as loader options take it: the class attribute itself is typed as the related object."""
    attribute: QueryableAttribute[object] = class_mapper(model).attrs[name].class_attribute
    return attribute


@overload
def tenant_key(target: type | str, *, on_delete: OnDelete | None = ...) -> Any: ...
@overload
def tenant_key(target: type | str, *, default: None, on_delete: OnDelete | None = ...) -> Any: ...
def tenant_key(target: type | str, *, default: Any = PydanticUndefined, on_delete: OnDelete | None = None) -> Any:
    """A reference to a row of the tenant table ``target``, in the same organization.

    Declares the column and, on the table class, the composite foreign key (organization_id, column). A name stands for
    the class itself, or for one that its module defines later.

    ``on_delete`` says what a soft deletion of the target does to the rows that refer to it: "cascade" deletes them with
    it (the default of a required reference, and of one to the class itself), "set_null" leaves them as they are, and
    purging the target empties the reference (the default of an optional one), "restrict" refuses the deletion with
    ConflictError while a live row that stays refers to it.
    """
    name = target if isinstance(target, str) else target.__name__
    return Field(
        default=default,
        description=f"Id of the {name}, in the same organization.",
        schema_extra=example(42),
        sa_type=BigId,
        sa_column_kwargs={"info": {"tenant_key": target, ON_DELETE: on_delete}},
    )
