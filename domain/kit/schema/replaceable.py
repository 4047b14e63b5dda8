"""The protocol of objects beside a table in the database, which can be made anew without touching a row.

Whoever makes, changes, compares or examines tables walks ``beside.REPLACEABLES``, and names none of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple, TypeAlias

from sqlalchemy import Connection, Table

State: TypeAlias = Mapping[str, str]
"""A definition, by names of its own; empty where a table has none. A revision repeats it word by word."""
NOTHING: State = {}


class Found(NamedTuple):
    """The state that a database has, and whether it takes effect as ``create`` would have it."""

    state: State
    holds: bool = True


class Replaceable(ABC):
    """One kind of object. Statements are for a dialect by its name; a dialect that lacks the kind gets none."""

    name: ClassVar[str]

    @abstractmethod
    def wanted(self, table: Table) -> State:
        """The state that a table should have, by its columns and its info."""

    @abstractmethod
    def create(self, table: str, state: State, dialect: str) -> Iterable[str]:
        """The statements that make the state, where none is."""

    @abstractmethod
    def drop(self, table: str, dialect: str) -> Iterable[str]:
        """The statements that take away whatever the table has; the table itself is still there."""

    @abstractmethod
    def present(self, connection: Connection) -> Mapping[str, Found] | None:
        """The states of every table of the database, by name; None where the database can't show them."""

    def replace(self, table: str, state: State, dialect: str) -> Iterator[str]:
        """The statements that leave the table with exactly this state."""
        yield from self.drop(table, dialect)
        if state:
            yield from self.create(table, state, dialect)

    def faults(self, found: Found, wanted: State) -> list[str]:
        """Say what of the state is missing or altered; empty where it is as wanted."""
        if wanted and not found.state:
            return ["it is missing"]
        said = [f"{name} is missing" for name in wanted.keys() - found.state.keys()]
        said += [f"{name} is none of its model's" for name in found.state.keys() - wanted.keys()]
        for name in wanted.keys() & found.state.keys():
            if self.plain(found.state[name]) != self.plain(wanted[name]):
                said.append(f"{name} was altered")
        return sorted(said) or ([] if found.holds else ["it does not take effect"])

    def plain(self, words: str) -> str:
        """A state's words as they are compared: without what the database changes when it stores them."""
        return words
