"""The outcome of an attempt: as text, to look for the victim's values in it; as a shape, to compare two answers."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import cast

from pydantic import BaseModel
from sqlalchemy import Row, inspect
from sqlmodel import SQLModel

from ...errors import ConstraintError, DuplicateError
from ...kit.model import DomainModel, Entity
from ...kit.model.tables import ORGANIZATION_ID

_LIMIT = 1000  # of items that are looked at in one answer


def settled(value: object) -> object:
    """The value, with iterators read to their end while the session is open."""
    if isinstance(value, Iterator):
        return list(islice(cast(Iterator[object], value), _LIMIT))
    return value


def rendered(value: object) -> str:
    """All that the value holds, secrets and unloaded nothing included."""
    if isinstance(value, BaseException):
        return " ".join(f"{e!s} {e!r} {rendered(vars(e))}" for e in causes(value))
    if isinstance(value, Entity):
        inside = inspect(value)
        loaded = {name: held for name, held in inside.dict.items() if name in inside.mapper.attrs}
        return f"{type(value).__name__}({rendered(loaded)})"
    if isinstance(value, SQLModel | BaseModel):
        return f"{value!r} {rendered(vars(value))}"
    if isinstance(value, Mapping):
        items = cast(Mapping[object, object], value).items()
        return " ".join(f"{rendered(key)}={rendered(held)}" for key, held in items)
    if isinstance(value, list | tuple | set | frozenset | Row):
        return " ".join(rendered(held) for held in cast(Iterable[object], value))
    if isinstance(value, Decimal | str):
        return f"{value!s} "
    return repr(value)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its causes and what was being handled when it was raised."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__, getattr(found, "orig", None)]


def shape(value: object) -> object:
    """The part that must not depend on the victim's data: times and new ids are left out."""
    if isinstance(value, Entity):
        return type(value).__name__, vars(value).get("is_deleted")
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, BaseModel):
        return type(value).__name__, shape(dict(value))
    if isinstance(value, Mapping):
        return {str(key): shape(held) for key, held in cast(Mapping[object, object], value).items()}
    if isinstance(value, list | tuple | set | frozenset | Row):
        return sorted((shape(held) for held in cast(Iterable[object], value)), key=repr)  # an order tells nothing
    if isinstance(value, date):
        return "time"
    if value is None or isinstance(value, bool | int | float | str | Decimal):
        return value
    return type(value).__name__


def is_disclosed_by_design(value: object) -> bool:
    """True if the answer says no more than that a value is taken somewhere: a slug, an email, an id."""
    if not isinstance(value, DuplicateError):
        # Row level security refuses an upsert over another's row: its unique value is taken, as above.
        return isinstance(value, ConstraintError) and getattr(value.__cause__, "pgcode", None) == "42501"
    if value.fields in {("id",), ("organization_id", "id")}:
        return True
    indexes = (index for table in DomainModel.metadata.tables.values() for index in table.indexes)
    return any(index.name == value.constraint and ORGANIZATION_ID not in index.columns for index in indexes)
