"""Real notices and their independently computed figures, which are no part of the repository.

DOMAIN_NOTICES names their folder; the default is ``../shared/data``, where there is one. Without it the tests that
import this module are skipped. A title is usable if some release gives one. Where none does (the expected title is
empty) ours is the external id.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.ingest.items import Item, Release
from domain.ingest.mapping import TenderFields, merge
from tests.ingest.reading import read

ROOT = Path(__file__).parents[3]
GIVEN = os.environ.get("DOMAIN_NOTICES")
DATA = Path(GIVEN) if GIVEN else ROOT.parent / "shared" / "data"
if not GIVEN and not DATA.is_dir():
    pytest.skip("NO REAL NOTICES HERE: their import is NOT tested; DOMAIN_NOTICES names them", allow_module_level=True)

EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text())["sets"]["visible"]
FILES = sorted(name.removeprefix("visible/") for name in EXPECTED["files"] if "/eforms/" not in name)


def expected(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = EXPECTED["files"][f"visible/{name}"]
    return figures


@cache
def found_in(name: str) -> tuple[Item, ...]:
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


REISSUED = 2
"""Releases that came out in two versions with one date and another buyer: the one received last counts."""


def assert_figures(fields: list[TenderFields], figures: dict[str, Any], *, reissued: int = 0) -> None:
    """``reissued``: as many buyers may be others, where files come in another order."""
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
    assert abs(len(buyers) - figures["distinct_buyers"]) <= reissued
    assert all(buyers[name] == count for name, count in figures["top_buyers"])
    statuses = Counter(tender["notice_status"] for tender in fields if tender["notice_status"])
    assert statuses == figures["status"]
