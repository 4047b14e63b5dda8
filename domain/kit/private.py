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
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.sql.selectable import GenerativeSelect
from sqlalchemy.util import memoized_property

_Look = Callable[[Any], Any]
# What has to be known of a statement, whoever made it. (Whose rows it means, the compiler writes, which SQLAlchemy has
# overridden by private names: ``session.compiling``, ``hidden`` and ``reading`` use them too.)
values_of: _Look = attrgetter("_values")  # of VALUES or SET, by column
many_values_of: _Look = attrgetter("_multi_values")  # of VALUES with several rows
conflict_of: _Look = attrgetter("_post_values_clause")  # an upsert's ON CONFLICT
keeps_the_order: _Look = attrgetter("_maintain_values_ordering")  # of SET: nothing can be added
selected_names_of: _Look = attrgetter("_select_names")  # of INSERT ... SELECT
options_of: _Look = attrgetter("_with_options")  # of ``statement.options(...)``
annotations_of: _Look = attrgetter("_annotations")  # tell the class, or the alias of it, that a table was named by
cache_key_of: _Look = methodcaller("_generate_cache_key")  # to look once into those of one form

unattached_of: _Look = attrgetter("_pending_colargs")  # the columns that a constraint names, before it has a table


def is_locking(statement: object) -> bool:
    """Whether it is a SELECT ... FOR UPDATE or SHARE: SQLite renders none, and must take its lock instead."""
    return isinstance(statement, GenerativeSelect) and statement._for_update_arg is not None


def number_by(column: Column[Any]) -> None:
    """Have the database number rows by a column of a composite key: SQLite's compiler refuses ``autoincrement``."""
    table: Table = column.table
    vars(table.primary_key)["_autoincrement_column"] = column


def fail_as_a_flush(session: Session) -> None:
    """Roll back as a failed flush does; to have a flush fail, the refused statement would be sent again."""
    session._autobegin_t()._begin().rollback(_capture_exception=True)


def put_as_a_flush(session: Session, state: Any) -> None:
    """End as a flush does, after which a rollback makes the object new again."""
    session._register_persistent({state})


class PlainParents(Mutable):
    """Has a dict of parents: SQLAlchemy's WeakKeyDictionary takes long to make for each row.

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
