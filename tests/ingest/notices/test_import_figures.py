"""Real notices, imported: the expected figures come out of the database (see ``figures``)."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from domain import Database
from domain.ingest import ImportSummary
from domain.ingest.mapping import TenderFields
from domain.testing import make_organization
from tests.ingest.importer import Importer, content_of, counts
from tests.ingest.notices.figures import DATA, EXPECTED, FILES, REISSUED, assert_figures, expected

pytestmark = pytest.mark.slow

PATHS = [DATA / "notices" / name for name in FILES]
TOTAL: dict[str, int] = EXPECTED["summary"]
TENDERS = TOTAL["distinct_ocids"]


def stored(importer: Importer) -> list[TenderFields]:
    return [cast(TenderFields, content_of(tender)) for tender in importer.tenders()]


def assert_total(importer: Importer, summary: ImportSummary, *, reissued: int = 0) -> None:
    assert (summary.files, summary.releases) == (TOTAL["ocds_files"], TOTAL["ocds_items_read"])
    without_release = [name for name in FILES if not expected(name)["items_read"]]
    assert sorted(Path(refusal.place.split(" ")[0]) for refusal in summary.refused) == sorted(
        DATA / "notices" / name for name in without_release
    )
    assert_figures(stored(importer), EXPECTED["summary"], reissued=reissued)


def forward(paths: list[Path]) -> list[Path]:
    return paths


def backwards(paths: list[Path]) -> list[Path]:
    return paths[::-1]


def shuffled(paths: list[Path]) -> list[Path]:
    return random.Random(7).sample(paths, len(paths))


@pytest.mark.parametrize("arranged", [forward, backwards, shuffled])
def test_all_files_give_the_expected_figures_in_any_order_and_after_importing_twice(
    importer: Importer, arranged: Callable[[list[Path]], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 100)
    summary = importer.paths(arranged(PATHS))
    assert counts(summary) == (TENDERS, 0, 0, 0)
    reissued = 0 if arranged is forward else REISSUED
    assert_total(importer, summary, reissued=reissued)
    rows = [row.model_dump() for row in (*importer.tenders(), *importer.notices())]
    again = importer.paths(PATHS)
    assert counts(again) == (0, 0, TENDERS, 0)
    assert_total(importer, again, reissued=reissued)
    assert [row.model_dump() for row in (*importer.tenders(), *importer.notices())] == rows


def test_the_order_of_files_and_runs_gives_the_same_tenders(importer: Importer, other: Importer) -> None:
    importer.paths(PATHS)
    arranged = shuffled(PATHS)
    for start in range(0, len(arranged), 10):
        other.paths(arranged[start : start + 10])
    one, two = importer.content(), other.content()
    others = [ocid for ocid in one if one[ocid] != two[ocid]]
    assert len(others) <= REISSUED
    for ocid in others:
        assert two[ocid] | {"organization_name": one[ocid]["organization_name"]} == one[ocid]
    assert len(one) == len(two) == TENDERS
    kept = [{(notice.digest, str(notice.package)) for notice in each.notices()} for each in (importer, other)]
    assert kept[0] == kept[1]


def test_a_folder_gives_the_same_as_its_files_and_passes_over_what_is_no_json(importer: Importer) -> None:
    summary = importer.paths([DATA / "notices"])
    assert counts(summary) == (TENDERS, 0, 0, 0)
    assert_total(importer, summary)
    assert len(summary.passed_over) == TOTAL["files"] - TOTAL["ocds_files"]


@pytest.mark.parametrize("number", range(len(FILES)))
def test_a_file_gives_the_expected_figures(request: pytest.FixtureRequest, tmp_path: Path, number: int) -> None:
    engine = ("sqlite", "postgresql")[number % 2]
    database: Database = request.getfixturevalue(f"import_{engine}")
    importer = Importer(database, tmp_path, organization_id=make_organization(database).id)
    figures = expected(FILES[number])
    summary = importer.paths([PATHS[number]])
    assert summary.releases == figures["items_read"]
    assert summary.ok == bool(figures["items_read"])
    if figures["items_read"]:
        assert_figures(stored(importer), figures)
