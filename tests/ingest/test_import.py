"""Importing into the database: what it stores, counts, refuses and undoes. All notices here are invented."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import JsonValue
from sqlalchemy import text

from domain import Database, NotFoundError, TenderStatus
from domain.ingest import ImportStoppedError, ImportSummary, Refusal, import_paths
from domain.ingest.exact_json import digest
from tests.ingest.importer import BRIDGE, Importer, Json, content_of, counts, release, release_of
from tests.support.statements import recorded

ROAD = "ocds-x-road"


def test_a_release_becomes_a_tender_and_is_kept_as_its_notice(importer: Importer) -> None:
    received = release(date="2026-05-01T12:00:00+02:00", title="Bridge", value={"amount": 1250.5, "currency": "EUR"})
    assert counts(importer.run(received)) == (1, 0, 0, 0)
    tender = importer.tender()
    assert (tender.title, tender.estimated_value, tender.currency) == ("Bridge", Decimal("1250.5"), "EUR")
    assert (tender.source, tender.status, tender.version) == ("ocds", TenderStatus.PENDING, 1)
    [notice] = importer.notices()
    assert (notice.tender_id, notice.release_id) == (tender.id, "r")
    assert notice.released_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert (notice.content, notice.digest, notice.package) == (received, digest(received), {})


def test_a_release_without_a_title_is_titled_by_its_external_id(importer: Importer) -> None:
    importer.run(release())
    assert importer.tender().title == BRIDGE


def test_a_title_that_was_the_external_id_gives_way_to_the_first_real_one(importer: Importer) -> None:
    importer.run(release())
    assert counts(importer.run(release(title="Bridge"))) == (0, 1, 0, 0)
    assert importer.tender().title == "Bridge"


def test_a_second_run_changes_nothing(importer: Importer) -> None:
    lines = release(title="Bridge"), release(title="Bridge", date="2026-05-01"), release(ROAD, title="Road")
    assert counts(importer.run(*lines)) == (2, 0, 0, 0)
    before = [tender.model_dump() for tender in importer.tenders()], [row.model_dump() for row in importer.notices()]
    assert counts(importer.run(*lines)) == (0, 0, 2, 0)
    after = [tender.model_dump() for tender in importer.tenders()], [row.model_dump() for row in importer.notices()]
    assert after == before
    assert len(before[1]) == 3


def test_a_later_release_updates_the_tender(importer: Importer) -> None:
    importer.run(release(date="2026-05-01", title="Bridge", description="Two spans"))
    assert counts(importer.run(release(date="2026-05-02", title="New bridge"))) == (0, 1, 0, 0)
    tender = importer.tender()
    assert (tender.title, tender.description, tender.version) == ("New bridge", "Two spans", 2)


def test_an_earlier_release_that_comes_late_only_adds_what_is_missing(importer: Importer) -> None:
    importer.run(release(date="2026-05-02", title="New bridge"))
    importer.run(release(date="2026-05-01", title="Bridge", description="Two spans"))
    tender = importer.tender()
    assert (tender.title, tender.description) == ("New bridge", "Two spans")


def test_the_tenders_of_two_organizations_are_two(importer: Importer, other: Importer) -> None:
    importer.run(release(title="Bridge"))
    assert counts(other.run(release(title="Bridge"))) == (1, 0, 0, 0)
    assert importer.tender().id != other.tender().id


def test_a_release_received_in_another_package_joins_what_the_packages_say(importer: Importer) -> None:
    first: Json = {"uri": "https://example.org/a", "publishedDate": "2026-05-02T00:00:00Z"}
    second: Json = {"uri": "https://example.org/b", "publishedDate": "2026-05-01T00:00:00Z"}
    importer.run({**first, "releases": [release(title="Bridge")]})
    assert counts(importer.run({**second, "releases": [release(title="Bridge")]})) == (0, 1, 0, 0)
    [notice] = importer.notices()
    assert notice.package == {"uri": "https://example.org/b", "publishedDate": "2026-05-01T00:00:00+00:00"}
    tender = importer.tender()
    assert (tender.url, tender.published_at) == ("https://example.org/b", datetime(2026, 5, 1, tzinfo=UTC))
    assert counts(importer.run({**first, "releases": [release(title="Bridge")]})) == (0, 0, 1, 0)


def test_a_tender_counts_once_however_many_batches_it_is_in(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 2)
    titles = [release(date=f"2026-05-0{day}", title=title) for day, title in enumerate("aabbc", start=1)]
    roads = [release(ROAD, date=f"2026-05-0{day}", title="Road") for day in range(1, 6)]
    lines = [line for pair in zip(titles, roads, strict=True) for line in pair]
    assert counts(importer.run(*lines)) == (2, 0, 0, 0)
    assert counts(importer.run(*lines)) == (0, 0, 2, 0)
    more = [release(date="2026-06-01", tag="award"), release(ROAD, date="2026-06-01", tag="award")]
    assert counts(importer.run(*more, *lines, release(date="2026-06-02", title="d"))) == (0, 1, 1, 0)


def test_large_releases_make_small_batches(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.batches.CHARACTERS", 1000)
    told: list[int] = []
    lines = [release(f"ocds-x-{number}", description="x" * 600) for number in range(5)]
    importer.paths([importer.file(*lines)], progress=told.append)
    assert told == [2, 4, 5]


def test_progress_is_told_the_releases_so_far(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 2)
    told: list[int] = []
    importer.paths([importer.file(*(release(f"ocds-x-{n}") for n in range(5)))], progress=told.append)
    assert told == [2, 4, 5]


def test_the_number_of_statements_does_not_depend_on_the_number_of_tenders(importer: Importer) -> None:
    def statements(number: int, *, title: str) -> int:
        releases = [release(f"ocds-{number}-{n}", title=title, description="x" * (n % 2)) for n in range(number)]
        with recorded(importer.db.engine) as sent:
            importer.run(*releases)
        return len(sent)

    for title in ("Bridge", "Bridge", "New bridge"):  # created, unchanged, updated
        assert statements(60, title=title) == statements(3, title=title) <= 11


# Remarks

LEFT_OUT: dict[str, Json] = {
    "tender.value.amount": {"value": {"amount": "1,250.50", "currency": "EUR"}},
    "tender.value.currency": {"value": {"amount": 5, "currency": "eur"}},
    "tender.tenderPeriod.endDate": {"tenderPeriod": {"endDate": "2027-03-17T24:00:00"}},
    "tender.datePublished": {"datePublished": "01/05/2024"},
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_value_that_is_left_out_is_counted_and_named_and_no_failure(importer: Importer, name: str) -> None:
    stated = LEFT_OUT[name]
    summary = importer.run(release(), release_of(stated), release_of(stated, ROAD), strict=True)
    (remark,) = summary.remarks
    assert (remark.reason, remark.count) == (f"{name} was left out", 2)
    assert remark.place.endswith("1.jsonl:2")
    assert remark.value in json.dumps(stated)
    assert remark.value
    assert summary.ok


def test_values_that_say_nothing_are_not_counted(importer: Importer) -> None:
    silent: JsonValue = {"amount": None, "currency": " "}
    assert importer.run(release(value=silent, tenderPeriod={"endDate": ""}, datePublished=None)).remarks == []
    (remark,) = importer.run({**release(value={"amount": [5]}), "date": "2026-05-01"}).remarks
    assert (remark.reason, remark.value) == ("tender.value.amount was left out", "[5]")


def test_only_the_reasons_of_a_great_many_remarks_are_kept(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.tally.DIFFERENT_REMARKS", 3)
    summary = importer.run(*(release(f"ocds-x-{n}", datePublished=f"day {n}") for n in range(9)))
    assert [(remark.value, remark.count) for remark in summary.remarks] == [
        ("day 0", 1),
        ("day 1", 1),
        ("day 2", 1),
        ("", 6),
    ]


# Refusals


def test_what_is_refused_is_named_with_its_place_and_the_rest_goes_in(importer: Importer) -> None:
    summary = importer.run(release(), b"{broken", {"tag": ["tender"]}, release(ROAD))
    assert [(Path(refusal.place).name, refusal.reason) for refusal in summary.refused] == [
        ("1.jsonl:2", "not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ("1.jsonl:3", "the release has no ocid: a non-empty text is needed"),
    ]
    assert not summary.ok
    assert (summary.files, summary.releases, summary.created) == (1, 2, 2)


def test_a_missing_file_is_refused_and_the_others_go_in(importer: Importer, tmp_path: Path) -> None:
    summary = importer.paths([tmp_path / "none.json", importer.file(release())])
    assert [refusal.reason for refusal in summary.refused] == ["cannot be read: No such file or directory"]
    assert summary.created == 1


def test_files_in_a_folder_that_are_no_json_are_passed_over_and_no_failure(importer: Importer, tmp_path: Path) -> None:
    importer.file(release())
    importer.file(b"", name="notes.txt")
    summary = importer.paths([tmp_path], strict=True)
    assert [Path(refusal.place).name for refusal in summary.passed_over] == ["notes.txt"]
    assert summary.ok
    assert (summary.files, summary.created) == (1, 1)


def refuse_bad_titles(db: Database) -> None:
    """An application's own rule: no tender is titled "Bad"."""
    rule = "ALTER TABLE tenders ADD CONSTRAINT no_bad_title CHECK (title <> 'Bad')"
    if db.is_sqlite:
        raising = "SELECT RAISE(ABORT, 'CHECK constraint failed: no_bad_title')"
        rule = f"CREATE TRIGGER no_bad BEFORE INSERT ON tenders WHEN new.title = 'Bad' BEGIN {raising}; END"
    with db.migration_engine.begin() as connection:
        connection.execute(text(rule))


def test_a_tender_that_the_database_refuses_is_refused_alone(importer_alone: Importer) -> None:
    refuse_bad_titles(importer_alone.db)
    summary = importer_alone.run(
        release("ocds-x-1", title="Good"),
        release("ocds-x-2", title="Bad"),
        release("ocds-x-3", title="Good"),
        release("ocds-x-1", date="2026-05-01", title="Better"),
    )
    assert summary.refused == [Refusal(summary.refused[0].place, "a value breaks the rule no_bad_title")]
    assert summary.refused[0].place.endswith("1.jsonl:2")
    assert counts(summary) == (2, 0, 0, 0)
    assert [tender.title for tender in importer_alone.tenders()] == ["Better", "Good"]
    assert len(importer_alone.notices()) == 3


def test_a_release_whose_amount_sqlite_can_not_hold_is_refused_there_whatever_else_is_known(
    importer: Importer,
) -> None:
    large = release(date="2026-05-01", description="Two spans", value={"amount": 10**15})
    summary = importer.run(large, release(date="2026-05-02", title="Bridge", value={"amount": 7}))
    tender = importer.tender()
    assert (tender.title, tender.estimated_value) == ("Bridge", Decimal(7))
    if importer.db.is_sqlite:
        assert [refusal.reason for refusal in summary.refused] == ["SQLite holds amounts up to 922337203685477.5807"]
        assert tender.description is None
    else:
        assert summary.ok
        assert tender.description == "Two spans"


def test_an_unknown_organization_is_not_found(importer: Importer, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        import_paths(importer.db, [tmp_path], organization_id=10**9)


# Stopping


@pytest.mark.parametrize("bad", [b"{broken", b'{"ocid": "ocds-x-2", "tender": {"title": "Bad"}}'])
def test_a_strict_run_stops_at_the_first_refusal_and_leaves_nothing_behind(
    importer_alone: Importer, monkeypatch: pytest.MonkeyPatch, bad: bytes
) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 2)
    refuse_bad_titles(importer_alone.db)
    importer_alone.run(release(title="Bridge"))
    before = importer_alone.content()
    with pytest.raises(ImportStoppedError) as stopped:
        importer_alone.run(
            release(date="2026-06-01", title="New"), *(release(f"ocds-{n}") for n in range(5)), bad, strict=True
        )
    assert stopped.value.refusal.place.endswith("2.jsonl:7")
    assert importer_alone.content() == before
    assert len(importer_alone.notices(include_deleted=True)) == 1


def test_a_strict_run_without_a_refusal_goes_in(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 2)
    summary = importer.run(*(release(f"ocds-{number}") for number in range(5)), strict=True)
    assert summary.ok
    assert (counts(summary), len(importer.tenders())) == ((5, 0, 0, 0), 5)


def test_a_run_that_was_killed_is_completed_by_the_next_one(
    importer: Importer, other: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 4)
    dated = [(f"ocds-x-{number % 5}", f"2026-05-{day:02}") for day in range(1, 5) for number in range(5)]
    path = importer.file(*(release(ocid, date=date, title=f"{ocid} on {date}") for ocid, date in dated))

    def kill(releases: int) -> None:
        if releases == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importer.paths([path], progress=kill)
    assert len(importer.notices()) == 12
    assert counts(importer.paths([path])) == (0, 5, 0, 0)
    other.paths([path])
    assert importer.content() == other.content()
    assert len(importer.notices()) == len(other.notices()) == 20


def test_a_batch_that_fails_halfway_leaves_no_part_of_it(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("domain.ingest.writing._notice", fail)
        with pytest.raises(RuntimeError):
            importer.run(release(title="Bridge"))
    assert importer.tenders() == []
    assert counts(importer.run(release(title="Bridge"))) == (1, 0, 0, 0)


def test_a_summary_is_ok_as_long_as_nothing_was_refused() -> None:
    assert ImportSummary(passed_over=[Refusal("notes.txt", "skipped", skipped=True)], skipped=1).ok
    assert not ImportSummary(refused=[Refusal("a.json", "empty file")]).ok


def test_nothing_to_read_is_nothing_to_do(importer: Importer) -> None:
    assert importer.paths([]) == ImportSummary()
    assert [content_of(tender) for tender in importer.tenders()] == []
