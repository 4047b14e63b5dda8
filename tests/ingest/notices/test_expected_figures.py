"""Real notices against independently computed figures."""

import random
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal

import pytest

from domain.ingest.items import Refusal, Release
from tests.ingest.notices.figures import EXPECTED, FILES, REISSUED, assert_figures, expected, found_in, tenders, utc

pytestmark = pytest.mark.slow


def test_there_are_notices_to_check() -> None:
    assert len(FILES) == EXPECTED["summary"]["ocds_files"]


@pytest.mark.parametrize("name", [name for name in FILES if expected(name)["items_read"]])
def test_a_file_gives_the_expected_figures(name: str) -> None:
    figures = expected(name)
    assert sum(isinstance(found, Release) for found in found_in(name)) == figures["items_read"]
    fields = tenders([name])
    assert_figures(fields, figures)
    codes = {code for tender in fields for code in tender["categories"]}
    assert len(codes) == figures["distinct_category_codes"]


@pytest.mark.parametrize("name", [name for name in FILES if expected(name).get("sample")])
def test_the_sample_of_a_file_is_mapped_as_expected(name: str) -> None:
    sample = expected(name)["sample"]
    tender = next(tender for tender in tenders([name]) if tender["external_id"] == sample["external_id"])
    assert tender["title"] == (sample["title"] or sample["external_id"])
    assert tender["organization_name"] == (sample["buyer"] or None)
    amount = None if sample["amount"] is None else round(Decimal(sample["amount"]), 4)
    assert tender["estimated_value"] == amount
    assert tender["currency"] == (None if amount is None else sample["currency"])
    assert tender["deadline"] == utc(sample["deadline_utc"])
    assert tender["notice_status"] == sample["status"]
    assert tender["categories"] == sample["categories"]


@pytest.mark.parametrize("name", [name for name in FILES if not expected(name)["items_read"]])
def test_a_file_without_a_release_says_why(name: str) -> None:
    assert [type(found) for found in found_in(name)] == [Refusal]


def shuffled(releases: list[Release]) -> list[Release]:
    return random.Random(7).sample(releases, len(releases))


def backwards(releases: list[Release]) -> list[Release]:
    return releases[::-1]


def twice(releases: list[Release]) -> list[Release]:
    return releases + releases


@pytest.mark.parametrize("arranged", [list, backwards, shuffled, twice])
def test_all_files_together_give_the_expected_figures_in_any_order(
    arranged: Callable[[list[Release]], list[Release]],
) -> None:
    assert (
        sum(isinstance(found, Release) for name in FILES for found in found_in(name))
        == (EXPECTED["summary"]["ocds_items_read"])
    )
    fields = tenders(FILES, arranged=arranged)
    assert_figures(fields, EXPECTED["summary"], reissued=REISSUED if arranged in (backwards, shuffled) else 0)
    by_id = {tender["external_id"]: tender for tender in fields}
    others = [tender for tender in tenders(FILES) if by_id[tender["external_id"]] != tender]
    assert len(others) <= REISSUED
    for tender in others:
        tender["organization_name"] = by_id[tender["external_id"]]["organization_name"]
        assert by_id[tender["external_id"]] == tender


def test_every_date_is_in_utc() -> None:
    dates = [date for tender in tenders(FILES) for date in (tender["deadline"], tender["published_at"]) if date]
    assert dates
    assert all(date.tzinfo is UTC for date in dates)
