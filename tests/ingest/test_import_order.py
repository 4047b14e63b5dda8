"""However the releases of a tender are split into runs, files and batches, the same tender comes out."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.testing import make_organization
from tests.ingest.importer import BRIDGE, Importer, Json


def one_of(*values: JsonValue) -> st.SearchStrategy[JsonValue]:
    return st.sampled_from(values)


def some(**fields: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    """An object with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


dates = one_of("2026-05-01", "2026-05-02", "some day")
tenders = some(
    title=one_of(None, "", "Bridge", "Road", "t" * 501),
    description=one_of(None, "Two spans", "<p>Three</p>"),
    status=one_of("planned", "active"),
    value=some(amount=one_of(None, 5, "5.00005", 7), currency=one_of(None, "EUR", "NOK")),
    tenderPeriod=some(endDate=one_of("2026-06-01", "2026-06-01T10:00")),
    classification=some(id=one_of("1", "2")),
)
tags = one_of(["tender"], ["award"], ["compiled"], [])
releases = st.fixed_dictionaries(
    {"ocid": one_of(BRIDGE), "buyer": one_of({"name": "City"})},
    optional={"date": dates, "tag": tags, "tender": tenders},
)
packages_of_one: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"releases": releases.map(lambda release: [release])},
    optional={"uri": one_of("https://example.org/a", "https://example.org/b"), "publishedDate": dates},
)


@given(st.lists(packages_of_one, min_size=1, max_size=6), st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_number_of_runs_gives_the_same_tender(
    importer: Importer, packages: list[Json], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        whole, parts = (
            Importer(importer.db, Path(folder, name), organization_id=make_organization(importer.db).id)
            for name in ("whole", "parts")
        )
        whole.run(*packages)
        sent = [*packages, data.draw(st.sampled_from(packages))]
        cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=3)))
        for start, end in pairwise([0, *cuts, len(sent)]):
            assert parts.run(*sent[start:end]).ok
        assert parts.content() == whole.content()
        assert len(whole.content()) == 1
        kept = [{notice.digest: notice.package for notice in each.notices()} for each in (whole, parts)]
        assert kept[0] == kept[1]


STAGES = [
    *("planning", "planningUpdate"),
    *("tender", "tenderAmendment", "tenderUpdate", "tenderCancellation"),
    *("award", "awardUpdate", "awardCancellation"),
    *("contract", "contractUpdate", "contractAmendment"),
    *("implementation", "implementationUpdate", "contractTermination"),
]


@pytest.mark.parametrize(("earlier", "later"), [("unknown", "planning"), *pairwise(STAGES)])
def test_on_one_day_the_later_stage_has_the_last_word(importer: Importer, earlier: str, later: str) -> None:
    def told(tag: str, title: str) -> Json:
        return {"ocid": BRIDGE, "date": "2026-05-01", "tag": [tag], "tender": {"title": title}}

    importer.run(told(later, "Bridge"), told(earlier, "Bridge, as it was called before"))
    (tender,) = importer.tenders()
    assert tender.title == "Bridge"
