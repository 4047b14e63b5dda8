"""Finding the way through JSON values whose shape is not to be relied on."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import JsonValue

from .text import line

T = TypeVar("T")

# Whole numbers beyond this are no codes or names, and Python refuses to print the longest of them.
_LARGEST_CODE = 10**40


def child(value: JsonValue, *path: str | int) -> JsonValue:
    """The value at ``path`` (keys, and positions in arrays), or None where the path leads nowhere."""
    for step in path:
        if isinstance(step, int):
            found = elements(value)
            value = found[step] if step < len(found) else None
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def elements(value: JsonValue) -> list[JsonValue]:
    """An array's elements; publishers leave the brackets off a single one, be it an object or a text."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict | str) else []


def objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    """The objects among the elements."""
    return [element for element in elements(value) if isinstance(element, dict)]


def text(value: JsonValue, *, limit: int | None = None) -> str | None:
    """One clean line of at most ``limit`` characters; None for blank text and for what is no text."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_CODE:
        value = str(value)
    return line(value, limit=limit) or None if isinstance(value, str) else None


def code(value: JsonValue) -> str | None:
    """A classification code; publishers write some as numbers (43211503, 43211503.0)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return text(value)


def first(values: Iterable[T | None]) -> T | None:
    """The first that is not None, or None."""
    return next((value for value in values if value is not None), None)


def tags(release: Mapping[str, JsonValue]) -> list[str]:
    """The release's tags."""
    return [tag for tag in elements(release.get("tag")) if isinstance(tag, str)]


def is_deeper_than(value: JsonValue, levels: int) -> bool:
    """True if arrays and objects stand more than ``levels`` deep in one another."""
    level = [value]
    for _ in range(levels):
        inside = (outer.values() if isinstance(outer, dict) else elements(outer) for outer in level)
        level = [inner for inners in inside for inner in inners if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True
