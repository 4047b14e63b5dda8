"""The private names of libraries that the package uses, each with its reason: there is no public one.

The linter refuses them elsewhere (SLF001), and ``tests/test_private.py`` those that it does not see.
"""

# pyright: reportPrivateUsage=false

from collections.abc import Callable
from operator import attrgetter, methodcaller
from typing import Any

# SQLAlchemy makes the objects of loaded rows, and calls no constructor.
from pydantic._internal._model_construction import init_private_attributes as init_private_attributes
from sqlalchemy import Column, Table
from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.sql.selectable import GenerativeSelect
from sqlalchemy.util import memoized_property

from ..errors import SessionClosedError

_Look = Callable[[Any], Any]
# Parts of a statement, whoever made it. (Its scope is written by compilers, which can only be overridden by private
# names: ``session.writing_compiler``, ``reading_compiler`` and ``opaque`` use them too.)
values_of: _Look = attrgetter("_values")  # of VALUES or SET, by column
many_values_of: _Look = attrgetter("_multi_values")  # of VALUES with several rows
conflict_of: _Look = attrgetter("_post_values_clause")  # an upsert's ON CONFLICT
keeps_the_order: _Look = attrgetter("_maintain_values_ordering")  # of SET: nothing can be added
selected_names_of: _Look = attrgetter("_select_names")  # of INSERT ... SELECT
options_of: _Look = attrgetter("_with_options")  # of ``statement.options(...)``
annotations_of: _Look = attrgetter("_annotations")  # have the class, or its alias, by which a table was named
cache_key_of: _Look = methodcaller("_generate_cache_key")  # to examine statements of one form once

max_overflow_of: _Look = attrgetter("_max_overflow")  # of a pool: how many it opens beyond its size

unattached_of: _Look = attrgetter("_pending_colargs")  # the columns that a constraint names, before it has a table


def made(schema: type[Any], values: dict[str, Any]) -> Any:
    """An object of a pydantic class with these fields, unvalidated: ``model_construct`` takes four times as long."""
    new = object.__new__(schema)
    object.__setattr__(new, "__dict__", values)
    object.__setattr__(new, "__pydantic_fields_set__", set(values))
    object.__setattr__(new, "__pydantic_extra__", None)
    object.__setattr__(new, "__pydantic_private__", None)
    return new


def is_locking(statement: object) -> bool:
    """True for a SELECT ... FOR UPDATE or SHARE: SQLite renders neither, and must take its lock instead."""
    return isinstance(statement, GenerativeSelect) and statement._for_update_arg is not None


def number_by(column: Column[Any]) -> None:
    """Have the database number rows by a column of a composite key: SQLite's compiler refuses ``autoincrement``."""
    table: Table = column.table
    vars(table.primary_key)["_autoincrement_column"] = column


def fail_as_a_flush(session: Session) -> None:
    """Roll back as a failed flush does. (A real flush would send the refused statement again.)"""
    session._autobegin_t()._begin().rollback(_capture_exception=True)


def put_as_a_flush(session: Session, state: Any) -> None:
    """Register an object as a flush does: a rollback makes it new again."""
    session._register_persistent({state})


class ClosableSession(Session):
    """Raises SessionClosedError at any use once ``is_closed`` is set: each asks for the session's transaction first."""

    is_closed: bool = False

    def _autobegin_t(self, begin: bool = False) -> SessionTransaction:
        if self.is_closed:
            raise SessionClosedError
        return super()._autobegin_t(begin)


class PlainParents(Mutable):
    """Keeps parents in a plain dict: SQLAlchemy's WeakKeyDictionary is slow to make for each row.

    Nothing leaks: the dict holds states, which refer to their row weakly.
    """

    @memoized_property
    def _parents(self) -> Any:
        return {}

    def changed(self) -> None:
        """Flag the change on each row that still exists."""
        for state, name in self._parents.items():
            row = state.obj()
            if row is not None:
                flag_modified(row, name)
