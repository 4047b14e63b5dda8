"""Rows whose every value can be recognized wherever it turns up."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from ...kit.model.managed import managed_fields
from ...kit.model.tables import ORGANIZATION_ID
from ..building import build
from .discovery import Model, references


def marked(model: Model, word: str, number: int, **fixed: object) -> tuple[Any, dict[str, object]]:
    """A row, not yet stored, and the values in it that are like no other's: those that its fields admit.

    ``word`` and ``number`` tell the row apart; ``fixed`` fields are taken as they are.
    """
    marks: dict[str, object] = {}
    left = {*fixed, ORGANIZATION_ID, *references(model), *managed_fields(model)}
    for name, field in model.model_fields.items():
        if name in left or field.annotation is bool:
            continue
        for value in _candidates(f"{word}-{number}-{name}", number):
            try:
                taken = getattr(build(model, **fixed, **{name: value}), name)
            except ValidationError:
                continue
            if not isinstance(taken, date):
                marks[name] = taken
            break
    return build(model, **fixed, **marks), marks


def _candidates(text: str, number: int) -> Iterator[object]:
    hyphenated = text.replace("_", "-")
    yield f"{hyphenated}@example.org" if "email" in text else hyphenated
    yield f"https://{text}.example.org/"
    yield [text]
    yield {text: text}
    yield Decimal(f"{number}.0321")
    yield round(1 + number / 10_000, 6) + 0.000021  # a score of at most 10
    yield round(number / 10_000, 6) + 0.000021  # a share of at most 1
    yield number
