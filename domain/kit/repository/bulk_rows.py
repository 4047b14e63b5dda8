"""Rows as callers bring them to bulk writes: contents or mappings, checked by the model's own validator."""

from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pydantic import ValidationError

from ...errors import InvalidRowsError
from ..model import DomainModel
from ..model.base import checked_fields, checked_row
from ..model.managed import managed_reason

Content: TypeAlias = DomainModel | Mapping[str, object]
"""A row to write: a content object (the fields that were set on it), or a mapping, as parsed from JSON."""

T = TypeVar("T")


class Row(NamedTuple):
    """A valid row. Of an incomplete one, ``values`` has the ``given`` fields only."""

    values: dict[str, object]
    given: Set[str]
    missing: str = ""


class Checker:
    """Checks rows against one model, and remembers what is wrong with which."""

    def __init__(self, model: type[DomainModel], managed: Set[str], *, key: tuple[str, ...] = ()) -> None:
        self.model = model
        self.key = key
        self.reasons: dict[int, str] = {}
        self._managed = frozenset(managed)
        self._writable = model.model_fields.keys() - managed
        fields = model.model_fields.items()
        self._required = {name for name, field in fields if name in self._writable and field.is_required()}

    def check(self, rows: Iterable[Content], fixed: Mapping[str, object] | None = None) -> list[Row]:
        """The rows, each with the ``fixed`` fields set; with a ``key``, required fields may be missing.

        Raises:
            InvalidRowsError: some are not valid; every row has been looked at.
        """
        checked: list[Row] = []
        for position, row in enumerate(rows):
            try:
                checked.append(self._checked({**given_of(row), **(fixed or {})}))
            except ValidationError as error:
                self.reasons[position] = reason_of(error)
            except ValueError as error:
                self.reasons[position] = str(error)
        self.refuse()
        return checked

    def refuse(self) -> None:
        """Raise InvalidRowsError if a row was found wrong."""
        if self.reasons:
            raise InvalidRowsError(self.model.__name__, self.reasons)

    def _checked(self, given: dict[str, object]) -> Row:
        if not given.keys() <= self._writable:
            wrong = sorted(map(str, given.keys() - self._writable))
            said = f"{', '.join(wrong)} can't be written by bulk writes"
            raise ValueError(f"{said}: {managed_reason(wrong)}" if self._managed.issuperset(wrong) else said)
        if any(given.get(name) is None for name in self.key):
            raise ValueError(f"upsert_many needs {', '.join(self.key)} to tell rows apart")
        if self.key and not self._required <= given.keys():
            missing = ", ".join(sorted(self._required - given.keys()))
            return Row(checked_fields(self.model, given), given.keys(), missing)
        return Row(checked_row(self.model, given), given.keys())


def reason_of(error: ValidationError) -> str:
    """The errors of each field, without the values."""
    lines = error.errors(include_url=False, include_context=False, include_input=False)
    said = ((".".join(map(str, line["loc"])), line["msg"]) for line in lines)
    return "; ".join(f"{place}: {reason}" if place else reason for place, reason in said)


def given_of(row: object) -> dict[str, Any]:
    """The fields that a row gives."""
    if isinstance(row, DomainModel):
        return {name: getattr(row, name) for name in row.model_fields_set}
    if isinstance(row, Mapping):
        return dict(row)  # pyright: ignore[reportUnknownArgumentType]  # its keys are checked against the fields
    raise ValueError(f"a row is a content or a mapping, not {type(row).__name__}")
