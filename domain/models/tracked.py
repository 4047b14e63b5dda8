"""Lists and dicts of a row's JSON column that tell their row of a change in place."""

from typing import Any, TypeVar

from sqlalchemy.ext.mutable import Mutable, MutableDict, MutableList
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.util import memoized_property

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Tracked(Mutable):
    """Has a plain dict for ``_parents``: SQLAlchemy's WeakKeyDictionary takes long to make for each row.

    Nothing leaks: the dict holds states, which refer to their row weakly.
    """

    @memoized_property
    def _parents(self) -> Any:
        return {}

    def changed(self) -> None:
        """As in SQLAlchemy, where the row is still there."""
        for state, name in self._parents.items():
            row = state.obj()
            if row is not None:
                flag_modified(row, name)


class TrackedList(Tracked, MutableList[T]):
    """A list of a row."""


class TrackedDict(Tracked, MutableDict[K, V]):
    """A dict of a row."""
