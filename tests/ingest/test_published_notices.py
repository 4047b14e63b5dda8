"""Notices as publishers wrote them, against figures that were counted independently; they are no part of the project.

DOMAIN_TEST_NOTICES names the folder that holds ``expected.json`` and the sets of files that it is about.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.ingest import Release, merge, read
from domain.ingest.mapping import TenderFields
from tests.ingest.importer import Importer

FOLDER = Path(os.environ.get("DOMAIN_TEST_NOTICES", "none"))
pytestmark = pytest.mark.skipif(
    not (FOLDER / "expected.json").is_file(), reason="DOMAIN_TEST_NOTICES names no folder with expected.json"
)


def expected() -> dict[str, Any]:
    """The figures of the set of files that is here."""
    sets: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())["sets"]
    return sets["visible"]


def files() -> list[Path]:
    return sorted(path for path in (FOLDER / "notices").rglob("*") if path.suffix in (".json", ".jsonl"))


def figures(tenders: Sequence[TenderFields]) -> dict[str, object]:
    """What the expected figures say of tenders, each title that is the external id counting as none."""
    amounts: Counter[str] = Counter()
    totals: dict[str, Decimal] = {}
    for tender in tenders:
        if (code := tender["currency"]) and (value := tender["estimated_value"]) is not None:
            amounts[code] += 1
            totals[code] = totals.get(code, Decimal(0)) + round(value, 2)
    deadlines = sorted(tender["deadline"] for tender in tenders if tender["deadline"])
    return {
        "distinct_ocids": len(tenders),
        "with_usable_title": sum(tender["title"] != " ".join(tender["external_id"].split()) for tender in tenders),
        "amounts": {code: (amounts[code], totals[code]) for code in sorted(amounts)},
        "deadlines": len(deadlines),
        "deadline_min": f"{deadlines[0]:%Y-%m-%dT%H:%M:%SZ}" if deadlines else None,
        "deadline_max": f"{deadlines[-1]:%Y-%m-%dT%H:%M:%SZ}" if deadlines else None,
        "distinct_buyers": len({tender["organization_name"] for tender in tenders if tender["organization_name"]}),
        "status": Counter(tender["notice_status"] for tender in tenders if tender["notice_status"]),
        "distinct_category_codes": len({code for tender in tenders for code in tender["categories"]}),
    }


def wanted(summary: dict[str, Any]) -> dict[str, object]:
    amounts = summary["amounts_by_currency"]
    given = {name: summary[name] for name in figures([]) if name in summary}
    return {
        **given,
        "amounts": {
            code: (amounts[code]["count"], Decimal(amounts[code]["total_each_rounded_2dp"])) for code in sorted(amounts)
        },
        "status": Counter(summary["status"]),
    }


def by_ocid(paths: Sequence[Path]) -> list[TenderFields]:
    groups: dict[str, list[Release]] = {}
    for path in paths:
        for found in read(path):
            if isinstance(found, Release):
                groups.setdefault(found.ocid, []).append(found)
    return [merge(releases) for releases in groups.values()]


def test_each_file_gives_its_figures() -> None:
    checked = 0
    for name, summary in expected()["files"].items():
        if "amounts_by_currency" in summary:
            path = FOLDER / "notices" / name.partition("/")[2]
            assert figures(by_ocid([path])) == wanted(summary), name
            checked += 1
    assert checked >= expected()["summary"]["ocds_files"] - 1  # an empty one


def assert_figures_of_the_whole(importer: Importer, *, but: str | None = None) -> None:
    tenders = [TenderFields(**fields) for fields in importer.content().values()]  # type: ignore[typeddict-item]  # its own
    found, given = figures(tenders), wanted(expected()["summary"])
    assert {name: found[name] for name in given if name != but} == {n: v for n, v in given.items() if n != but}


def test_all_files_give_the_figures_of_the_whole(importer: Importer) -> None:
    importer.paths(files())
    assert_figures_of_the_whole(importer)


def test_all_files_in_any_order_and_twice_give_the_figures_of_the_whole(importer: Importer) -> None:
    paths = files()
    random.Random(importer.organization_id).shuffle(paths)
    importer.paths(paths[: len(paths) // 2])
    importer.paths(paths)
    again = importer.paths(paths)
    assert (again.created, again.updated) == (0, 0)
    # Two releases were reissued with the same date and another name of the buyer: the one received last counts.
    assert_figures_of_the_whole(importer, but="distinct_buyers")
