"""What a column could not be read from is not written to it, and what the database makes of a write can be read."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import Computed, func
from sqlmodel import Field as Column

from domain import ConstraintError, Database, TenantEntity, TenantRepository, Text


class Part(BaseModel):
    code: str = Field(max_length=5)
    made_by: str = Field(default="", alias="madeBy")
    marks: dict[str, list[str]] = Field(default_factory=dict)


class Machine(TenantEntity, table=True):
    __tablename__ = "test_machines"
    name: Text = Column(max_length=20)
    parts: list[Part] = Column(default_factory=list)
    words: list[str] = Column(default_factory=list)
    length: int | None = Column(default=None, sa_column_args=[Computed("length(name)")])
    place: str | None = Column(
        default=None, sa_column_kwargs={"server_default": "hall", "onupdate": func.lower("YARD")}
    )


class MachineRepository(TenantRepository[Machine]):
    model = Machine


def too_long() -> Part:
    part = Part(code="ok")
    part.code = "longer than five"  # pydantic looks at no assignment, and takes the object as it is
    return part


WRITES: dict[str, Callable[[MachineRepository, Part], Any]] = {
    "add": lambda machines, part: machines.add(Machine(name="b", parts=[part])),
    "create_many": lambda machines, part: machines.create_many([{"name": "b"}, {"name": "c", "parts": [part]}]),
    "append": lambda machines, part: machines.find()[0].parts.append(part),
    "assignment": lambda machines, part: setattr(machines.find()[0], "parts", [part]),
}


@pytest.fixture
def stored(domain_db: Database) -> int:
    with domain_db.get_session(organization_id=1) as session:
        return MachineRepository(session).add(Machine(name="a", parts=[Part(code="ok", madeBy="us")])).id


def read(database: Database) -> list[tuple[str, list[Part]]]:
    with database.get_session(organization_id=1) as session:
        return [(machine.name, machine.parts) for machine in MachineRepository(session).find()]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("part", "why"),
    [
        (too_long(), "String should have at most 5 characters"),
        (Part(code="a\0"), r"a text in a JSON value \(at \d\.code\) must not contain the NUL"),
        (Part(code="a", marks={"b": ["c", "\0"]}), r"\(at \d\.marks\.b\.1\) must not contain the NUL"),
        (Part(code="a", marks={"\0": []}), "must not contain the NUL"),
        (Part(code="a", marks={"b": ["\ud800"]}), r"\(at \d\.marks\.b\.0\) must not contain an unpaired surrogate"),
    ],
)
def test_what_could_not_be_read_again_is_refused_wherever_it_is_written(
    domain_db: Database, stored: int, write: str, part: Part, why: str
) -> None:
    def attempt() -> None:
        with domain_db.get_session(organization_id=1) as session:
            WRITES[write](MachineRepository(session), part)

    with pytest.raises(ConstraintError, match=why):
        attempt()
    assert read(domain_db) == [("a", [Part(code="ok", madeBy="us")])]


@pytest.mark.parametrize("word", ["a\0", "\ud800"])
def test_a_plain_text_in_a_list_is_one_that_both_databases_hold(domain_db: Database, stored: int, word: str) -> None:
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ConstraintError, match=r"a text in a JSON value \(at 1\) must not contain"),
        session.begin_nested(),
    ):
        MachineRepository(session).add(Machine(name="b", words=["a", word]))
    assert len(read(domain_db)) == 1


def test_a_field_of_a_model_within_keeps_its_value_under_an_alias(domain_db: Database, stored: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        MachineRepository(session).require(stored).parts[0].code = "new"
    assert read(domain_db) == [("a", [Part(code="new", madeBy="us")])]


def test_what_the_database_fills_in_is_read_after_the_session(domain_db: Database, stored: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        machines = MachineRepository(session)
        one, two = machines.create_many([Machine(name="bb"), Machine(name="ccc")])
        added, changed = machines.add(Machine(name="dddd")), machines.require(stored)
        changed.name = "aaaaa"
    assert [(row.length, row.place) for row in (one, two, added, changed)] == [
        (2, "hall"), (3, "hall"), (4, "hall"), (5, "yard"),
    ]  # fmt: skip
    with domain_db.get_session(organization_id=1) as session:
        changed = MachineRepository(session).require(stored)
        changed.words = ["x"]
    assert (changed.length, changed.place, changed.version) == (5, "yard", 3)
