"""The differences that Alembic finds, as lines for people."""

from collections.abc import Iterable, Iterator
from typing import Any


def each(differences: Iterable[tuple[Any, ...] | list[tuple[Any, ...]]]) -> Iterator[tuple[Any, ...]]:
    """Differences one by one; Alembic gives tuples, and lists of them for one column."""
    for difference in differences:
        yield from difference if isinstance(difference, list) else [difference]


def described(differences: Iterable[tuple[Any, ...] | list[tuple[Any, ...]]]) -> Iterator[str]:
    """A line for each difference."""
    return (_line(*difference) for difference in each(differences))


def _line(kind: str, *facts: Any) -> str:
    action, _, what = kind.partition("_")
    if what == "replaceable":
        return f"the {facts[0]} of {facts[1]} is not what the models say"
    if action == "modify":
        _schema, table, column, _details, found, wanted = facts
        return f"column {table}.{column}: {what} is {found!r}, not {wanted!r}"
    if what == "column":
        _schema, table, item = facts
        name = f"{table}.{item.name}"
    else:
        (item,) = facts
        name = item.name if what == "table" else f"{item.name} of {item.table.name}"
    missing = "is missing in the database" if action == "add" else "is in the database only"
    return f"{what} {name} {missing}"
