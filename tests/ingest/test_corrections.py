"""Corrections, nulls and compiled releases, in runs of their own: ``ocdsmerge`` is the oracle for what both know."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocdsmerge import Merger  # type: ignore[import-untyped]  # it has no types
from pydantic import JsonValue

from domain.ingest.dates import moment
from domain.ingest.items import Release
from domain.ingest.mapping import TenderFields, lasting, merge
from tests.ingest.importer import BRIDGE, Importer, Json, counts, release, release_of

STATED: Json = {
    "title": "Harbour bridge, northern span",
    "status": "complete",
    "value": {"amount": 1_000_000, "currency": "EUR"},
    "tenderPeriod": {"endDate": "2026-07-01T12:00:00Z"},
}
CORRECTIONS: dict[str, JsonValue] = {
    "title": "Harbour bridge",
    "status": "active",
    "value": {"amount": 100_000, "currency": "EUR"},
    "tenderPeriod": {"endDate": "2026-06-01T12:00:00Z"},
}
DAY = "2026-05-01T12:00:00Z"


def compiled(tender: Json, *, date: str = DAY) -> Json:
    return release_of(tender, date=date, tag="compiled")


def merged(*received: Json) -> TenderFields:
    return merge(
        [Release(ocid=BRIDGE, release_id=None, released_at=moment(each.get("date")), content=each) for each in received]
    )


def by_oracle(*received: Json) -> TenderFields:
    """The tender of the compiled release that the reference implementation makes of them."""
    return merged(Merger(merge_rules={}).create_compiled_release(list(received)))


@pytest.mark.parametrize("name", CORRECTIONS)
@pytest.mark.parametrize("in_one_file", [True, False])
def test_a_correction_with_the_same_date_wins_and_the_same_files_again_change_nothing(
    importer: Importer, name: str, in_one_file: bool
) -> None:
    lines = release_of(STATED, date=DAY), release_of({**STATED, name: CORRECTIONS[name]}, date=DAY)
    runs = [lines] if in_one_file else [(line,) for line in lines]
    for run in runs:
        assert importer.run(*run).ok
    expected = by_oracle(*lines)
    assert importer.content()[BRIDGE] == expected != by_oracle(lines[0])
    for run in runs:
        assert counts(importer.run(*run)) == (0, 0, 1, 0)
    assert importer.content()[BRIDGE] == expected


def test_a_correction_wins_within_a_batch_and_over_batches(
    importer: Importer, other: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = ["Bridge, planned", "Bridge", "Bridge over the river", "B", "Bridge at last"]
    lines = [release(date=DAY, title=title) for title in titles]
    importer.run(*lines)
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 2)
    other.run(*lines)
    assert importer.tender().title == other.tender().title == "Bridge at last"


def test_the_repaired_file_wins_over_the_broken_one(importer: Importer) -> None:
    broken = b'{"ocid": "%s", "date": "2026-05-01", "tender": {"title": "l\x92immeuble"}}' % BRIDGE.encode()
    importer.run(broken.replace(b"\x92", b"\xff\xfe\x81"))
    importer.run(broken.replace(b"\x92", "\u2019".encode()))
    assert importer.tender().title == "l\u2019immeuble"


# Nulls


@pytest.mark.parametrize(
    ("later", "gone"),
    [
        ({"status": None}, {"notice_status"}),
        ({"value": None, "tenderPeriod": None}, set[str]()),
        ({"value": {"amount": None}}, {"estimated_value", "currency"}),
        ({"value": {"currency": None}}, {"currency"}),
        ({"tenderPeriod": {"endDate": None}}, {"deadline"}),
        ({"title": "", "status": " ", "value": {}, "tenderPeriod": {"endDate": "soon"}}, set[str]()),
    ],
)
def test_a_null_takes_a_value_away_and_what_is_blank_does_not(importer: Importer, later: Json, gone: set[str]) -> None:
    importer.run(release_of(STATED, date=DAY))
    before = importer.content()[BRIDGE]
    importer.run(release_of(later, date="2026-05-02"))
    after = importer.content()[BRIDGE]
    assert {name for name in after if after[name] != before[name]} == gone
    assert all(after[name] is None for name in gone)


def test_a_null_of_one_call_leaves_the_value_of_another_with_the_same_ocid() -> None:
    first: Json = {"id": "call-3", "value": {"amount": 5, "currency": "PYG"}}
    null: JsonValue = {"amount": None, "currency": "PYG"}

    def value_after(call: Json) -> object:
        return merged(
            {**release(date="2026-05-01"), "tender": first},
            {**release(date="2026-05-02"), "tender": {**call, "value": null}},
        )["estimated_value"]

    assert value_after({"id": "call-1"}) == 5
    assert value_after({"id": "call-3"}) is None
    assert value_after({}) is None


# Compiled releases


def test_a_later_compiled_release_takes_away_what_it_no_longer_names(importer: Importer) -> None:
    codes: JsonValue = [{"classification": {"id": "45221110"}}, {"classification": {"id": "45221119"}}]
    importer.run(compiled({**STATED, "items": codes}))
    importer.run(compiled({"title": "Bridge", "items": [{"classification": {"id": "45221119"}}]}, date="2026-05-02"))
    tender = importer.tender()
    assert (tender.title, tender.categories) == ("Bridge", ["45221119"])
    assert (tender.estimated_value, tender.deadline, tender.notice_status) == (None, None, None)


def test_a_record_s_compiled_release_needs_no_tag(importer: Importer) -> None:
    told: list[tuple[str, Json]] = [("2026-05-01", STATED), ("2026-05-02", {"title": "Bridge"})]
    for date, tender in told:
        record: Json = {"ocid": BRIDGE, "compiledRelease": {"ocid": BRIDGE, "date": date, "tender": tender}}
        assert importer.run({"records": [record]}).ok
    assert (importer.tender().title, importer.tender().notice_status) == ("Bridge", None)


def test_a_release_after_the_compiled_one_adds_to_it_and_one_before_it_does_not() -> None:
    whole = compiled({"title": "Bridge"}, date="2026-05-02")
    late = release(date="2026-05-03", status="active")
    early = release(date="2026-05-01", status="planned", description="Two spans", classification={"id": "1"})
    for received in ((whole, late, early), (early, whole, late), (late, early, whole)):
        fields = merged(*received)
        assert (fields["title"], fields["notice_status"], fields["description"]) == ("Bridge", "active", None)
        assert (fields["categories"], fields["published_at"]) == ([], moment("2026-05-01"))


# Any sequence

values = st.fixed_dictionaries({"amount": st.sampled_from([5, 7]), "currency": st.sampled_from(["EUR", "NOK"])})
tenders = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from([None, "Bridge", "Bridge, northern span"]),
        "description": st.sampled_from([None, "Two spans", "Three"]),
        "status": st.sampled_from([None, "planned", "active"]),
        "value": st.none() | values | st.just({"amount": None, "currency": None}),
        "tenderPeriod": st.none()
        | st.fixed_dictionaries({"endDate": st.sampled_from([None, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"])}),
        "procuringEntity": st.sampled_from([None, {"id": "1", "name": "City"}, {"id": "1", "name": None}]),
    },
)
sequences = st.lists(
    st.tuples(st.sampled_from(["2026-05-01", "2026-05-02", "2026-05-03"]), tenders), min_size=1, max_size=6
)


@given(sequences)
@settings(max_examples=500, deadline=None)
def test_any_sequence_gives_what_the_reference_implementation_gives(told: list[tuple[str, Json]]) -> None:
    received = [release_of(tender, date=date) for date, tender in told]
    assert {**merged(*received), "published_at": None} == {**by_oracle(*received), "published_at": None}


@given(sequences, st.data())
@settings(max_examples=200, deadline=None)
def test_a_compiled_release_in_between_stands_for_all_before_it(
    told: list[tuple[str, Json]], data: st.DataObject
) -> None:
    received = [release_of(tender, date=f"2026-05-{day:02}") for day, (_, tender) in enumerate(told, start=1)]
    cut = data.draw(st.integers(1, len(received)))
    whole = {**Merger(merge_rules={}).create_compiled_release(received[:cut]), "date": f"2026-05-{cut:02}"}
    fields, expected = merged(*received[:cut], whole, *received[cut:]), by_oracle(*received)
    assert {**fields, "published_at": None} == {**expected, "published_at": None}


# Superseded notices


@given(sequences, sequences)
@settings(max_examples=300, deadline=None)
def test_what_no_longer_lasts_never_counts_again(told: list[tuple[str, Json]], more: list[tuple[str, Json]]) -> None:
    received, later = (
        [
            Release(ocid=BRIDGE, release_id=None, released_at=moment(date), content=release_of(tender, date=date))
            for date, tender in each
        ]
        for each in (told, more)
    )
    kept = lasting(received)
    assert merge(kept) == merge(received)
    assert merge([*kept, *later]) == merge([*received, *later])


def test_a_tender_of_many_notices_is_updated_from_few(
    importer: Importer, other: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of them bring back the oldest, and tell of its package."""
    lines: list[Json] = [
        release(date=f"2026-05-{day:02}", title=f"Bridge {day}", status="planned" if day == 1 else "")
        for day in range(1, 29)
    ]
    lines.append({"uri": "https://example.org/p", "releases": [lines[3]]})
    lines.append({"publishedDate": "2026-04-01", "releases": [lines[0]]})
    lines.append(release(date="2026-05-27", description="Two spans"))
    for line in lines:
        importer.run(line)
    monkeypatch.setattr("domain.ingest.writing.KEPT", 3)
    for line in [*lines, *lines]:
        assert other.run(line).ok
    assert other.content() == importer.content()
    assert (other.tender().title, other.tender().notice_status) == ("Bridge 28", "planned")
    superseded = [notice.is_superseded for notice in other.notices()]
    assert len(superseded) == 29
    assert 20 < sum(superseded) < 28
    assert not any(notice.is_superseded for notice in importer.notices())
