"""The length limits of text fields."""

import sys

from annotated_types import MaxLen

from .base import DomainModel


def max_length(model: type[DomainModel], field: str) -> int:
    """The most characters that the field takes; ``sys.maxsize`` where it has no limit."""
    limits = (limit.max_length for limit in model.model_fields[field].metadata if isinstance(limit, MaxLen))
    return min(limits, default=sys.maxsize)
