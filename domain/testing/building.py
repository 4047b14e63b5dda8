"""Models without a database: ``build(Tender, id=1)``."""

from itertools import count
from typing import TypeVar

from sqlalchemy.orm.attributes import set_attribute

from ..kit.model import DomainModel
from ..kit.model.base import checked_fields
from ..kit.model.fields import max_length
from ..kit.model.managed import managed_fields
from ..kit.model.tables import live_unique_indexes

ModelT = TypeVar("ModelT", bound=DomainModel)

_numbers = count(1)


def build(model: type[ModelT], /, **fields: object) -> ModelT:
    """An object of the model, validated; what is required and not given comes from the fields' own examples.

    Managed columns (id, created_at, ...) may be given as well. Text that must be unique gets a number.

    Raises:
        pydantic.ValidationError: a given value breaks a limit, or a required field has no example.
    """
    required = (name for name, field in model.model_fields.items() if field.is_required() and name not in fields)
    examples = {name: value for name in required if (value := _example(model, name)) is not None}
    kept = managed_fields(model) & fields.keys()
    entity = model(**examples, **{name: value for name, value in fields.items() if name not in kept})
    for name, value in checked_fields(model, {name: fields[name] for name in kept}).items():
        set_attribute(entity, name, value)
        entity.model_fields_set.add(name)
    return entity


def _example(model: type[DomainModel], name: str) -> object:
    examples = model.model_fields[name].examples
    value: object = examples[0] if examples else None
    if isinstance(value, str) and name in natural_key(model):
        word, at, rest = value.partition("@")
        number = f"-{next(_numbers)}"
        excess = max(0, len(value) + len(number) - max_length(model, name))
        return f"{word[: len(word) - excess]}{number}{at}{rest}"
    return value


def natural_key(model: type[DomainModel]) -> tuple[str, ...]:
    """The fields of all the model's unique indexes over live rows."""
    indexes = live_unique_indexes(model.__table__) if "__table__" in vars(model) else ()
    return tuple(dict.fromkeys(name for index in indexes for name in index.info["live_unique"]))
