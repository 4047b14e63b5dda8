"""Real notices against independently computed figures.

The data stands beside the repository (``../shared/data``); without it these tests are skipped. A title is
usable if some release gives one. Where none does (the expected title is empty) ours is the external id.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.ingest.items import Refusal, Release
from domain.ingest.mapping import TenderFields, merge
from domain.ingest.reading import read

DATA = Path(__file__).parents[3] / "shared" / "data"
if not (DATA / "expected.json").is_file():
    pytest.skip(f"{DATA} is missing: the real notices are not checked", allow_module_level=True)

EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text())["sets"]["visible"]
FILES = sorted(name.removeprefix("visible/") for name in EXPECTED["files"] if "/eforms/" not in name)


def expected(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = EXPECTED["files"][f"visible/{name}"]
    return figures


@cache
def found_in(name: str) -> tuple[Release | Refusal, ...]:
    return tuple(read(DATA / "notices" / name))


def tenders(names: Iterable[str], *, arranged: Callable[[list[Release]], list[Release]] = list) -> list[TenderFields]:
    received = [found for name in names for found in found_in(name) if isinstance(found, Release)]
    by_ocid: dict[str, list[Release]] = defaultdict(list)
    for release in arranged(received):
        by_ocid[release.ocid].append(release)
    return [merge(releases) for releases in by_ocid.values()]


def cents(value: Decimal) -> Decimal:
    return round(value, 2)


def utc(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def assert_figures(fields: list[TenderFields], figures: dict[str, Any]) -> None:
    assert len(fields) == figures["distinct_ocids"]
    assert sum(tender["title"] != tender["external_id"] for tender in fields) == figures["with_usable_title"]

    deadlines = [tender["deadline"] for tender in fields if tender["deadline"]]
    assert len(deadlines) == figures["deadlines"]
    assert min(deadlines, default=None) == utc(figures["deadline_min"])
    assert max(deadlines, default=None) == utc(figures["deadline_max"])

    amounts: dict[str | None, list[Decimal]] = defaultdict(list)
    for tender in fields:
        if tender["estimated_value"] is not None:
            amounts[tender["currency"]].append(tender["estimated_value"])
    assert len(amounts.pop(None, [])) == figures["amounts_without_currency"]
    assert {code: (len(values), sum(map(cents, values))) for code, values in amounts.items()} == {
        code: (total["count"], Decimal(total["total_each_rounded_2dp"]))
        for code, total in figures["amounts_by_currency"].items()
    }
    for code, values in amounts.items():
        off = sum(values) - Decimal(figures["amounts_by_currency"][code]["total_exact"])
        assert abs(off) <= Decimal("0.00005") * len(values)

    buyers = Counter(tender["organization_name"] for tender in fields if tender["organization_name"])
    assert len(buyers) == figures["distinct_buyers"]
    assert all(buyers[name] == count for name, count in figures["top_buyers"])
    statuses = Counter(tender["notice_status"] for tender in fields if tender["notice_status"])
    assert statuses == figures["status"]


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
    assert_figures(fields, EXPECTED["summary"])
    by_id = {tender["external_id"]: tender for tender in fields}
    assert by_id == {tender["external_id"]: tender for tender in tenders(FILES)}


def test_every_date_is_in_utc() -> None:
    dates = [date for tender in tenders(FILES) for date in (tender["deadline"], tender["published_at"]) if date]
    assert dates
    assert all(date.tzinfo is UTC for date in dates)
