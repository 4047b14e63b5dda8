"""Lists and dicts of a row's JSON column that tell their row of a change in place."""

from typing import Any, Self, TypeVar

from sqlalchemy.ext.mutable import Mutable, MutableDict, MutableList
from sqlalchemy.orm.attributes import flag_modified

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Tracked(Mutable):
    """Of a loaded value ``_parents`` is a plain dict: SQLAlchemy's WeakKeyDictionary takes long to make for each row.

    Nothing leaks: the dict holds states, which refer to their row weakly.
    """

    _parents: Any

    def changed(self) -> None:
        """As in SQLAlchemy, where the row is still there."""
        for state, name in self._parents.items():
            row = state.obj()
            if row is not None:
                flag_modified(row, name)


class TrackedList(Tracked, MutableList[T]):
    @classmethod
    def read(cls, values: list[T]) -> Self:
        tracked = cls(values)
        tracked._parents = {}
        return tracked


class TrackedDict(Tracked, MutableDict[K, V]):
    @classmethod
    def read(cls, values: dict[K, V]) -> Self:
        tracked = cls(values)
        tracked._parents = {}
        return tracked
