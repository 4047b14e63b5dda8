"""What should be a number and is none is refused alike on both databases: neither compares it with a text by chance."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import col

from domain import ArgumentError, ConstraintError, Database, Tender, TenderRepository
from domain.errors import MisuseError

NUMBERS: dict[str, Callable[[TenderRepository, Any], object]] = {
    "get": lambda tenders, given: tenders.get(given),
    "soft_delete": lambda tenders, given: tenders.soft_delete(given),
    "preview_delete": lambda tenders, given: tenders.preview_delete(given),
    "limit": lambda tenders, given: tenders.find(limit=given),
    "offset": lambda tenders, given: tenders.find(offset=given),
    "limit of a page": lambda tenders, given: tenders.page(limit=given),
}


@pytest.mark.parametrize("given", ["1", True, 1.0])
@pytest.mark.parametrize("use", NUMBERS)
def test_what_is_no_int_is_refused(database: Database, use: str, given: Any) -> None:
    with (
        database.get_session(organization_id=1) as session,
        pytest.raises(MisuseError, match=f"is an int, not {type(given).__name__}"),
    ):
        NUMBERS[use](TenderRepository(session), given)


@pytest.mark.parametrize("given", ["1", True, 1.0])
def test_what_is_no_int_binds_no_session(database: Database, given: Any) -> None:
    with database.get_session() as session, pytest.raises(MisuseError, match="organization_id is an int"):
        TenderRepository(session).count(org_id=given)


@pytest.mark.parametrize("given", ["1", True, 1.0])
def test_an_organization_that_is_no_int_opens_no_session(database: Database, given: Any) -> None:
    with pytest.raises(MisuseError, match="organization_id is an int"), database.get_session(organization_id=given):
        pass


def test_a_cursor_that_is_no_text_is_refused(database: Database) -> None:
    number: Any = 5
    with database.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match="this cursor is not"):
        TenderRepository(session).page(after=number)


def test_a_time_without_an_offset_is_told_what_it_lacks(database: Database) -> None:
    with (
        database.get_session(organization_id=1) as session,
        pytest.raises(ConstraintError, match=r"a time needs its offset, as datetime\.now\(UTC\) has it"),
    ):
        TenderRepository(session).find(col(Tender.deadline) < datetime(2027, 1, 1))  # noqa: DTZ001  # on purpose
