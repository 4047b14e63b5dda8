"""From files to releases and refusals. All notices here are invented."""

import json
import os
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from domain.ingest.items import Item, Refusal, Release
from tests.ingest.reading import read

Write = Callable[..., Path]
BRIDGE: dict[str, JsonValue] = {
    "ocid": "ocds-x-1",
    "id": "r-1",
    "tag": ["tender"],
    "date": "2026-05-01T12:00:00+02:00",
    "tender": {"title": "Bridge"},
}
ROAD: dict[str, JsonValue] = {"ocid": "ocds-x-2", "id": "r-2", "tag": ["award"], "awards": [{"id": "1"}]}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(name: str, *lines: JsonValue | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
        return path

    return to


def releases(found: list[Item]) -> list[Release]:
    return [item for item in found if isinstance(item, Release)]


def refusals(found: list[Item]) -> list[Refusal]:
    return [item for item in found if isinstance(item, Refusal)]


def ocids(path: Path) -> list[str]:
    found = list(read(path))
    assert not refusals(found), refusals(found)
    return [release.ocid for release in releases(found)]


def only_refusal(path: Path) -> Refusal:
    found = list(read(path))
    assert len(found) == 1
    assert isinstance(found[0], Refusal)
    return found[0]


def only_release(path: Path) -> Release:
    found = releases(list(read(path)))
    assert len(found) == 1
    return found[0]


# Shapes


@pytest.mark.parametrize(
    "document",
    [
        {"uri": "https://example.org/p", "releases": [BRIDGE, ROAD]},
        {
            "records": [
                {"ocid": "ocds-x-1", "compiledRelease": BRIDGE},
                {"ocid": "ocds-x-2", "compiledRelease": ROAD},
            ]
        },
        {"records": [{"ocid": "ocds-x-1", "releases": [BRIDGE]}, {"ocid": "ocds-x-2", "releases": [ROAD]}]},
        [BRIDGE, ROAD],
        [{"releases": [BRIDGE]}, {"compiledRelease": ROAD, "versionedRelease": {}, "releases": [ROAD]}],
        {"ocid": "ocds-x-1", "releases": [BRIDGE, ROAD | {"ocid": "ocds-x-1"}]},
    ],
    ids=["release package", "record package", "embedded", "list of releases", "mixed list", "bare record"],
)
def test_every_shape_gives_its_releases(write: Write, document: JsonValue) -> None:
    found = releases(list(read(write("notices.json", document))))
    assert [release.release_id for release in found] == ["r-1", "r-2"]


def test_a_bare_release_is_read_with_its_id_and_its_date_in_utc(write: Write) -> None:
    release = only_release(write("notice.json", BRIDGE))
    assert (release.ocid, release.release_id, release.package) == ("ocds-x-1", "r-1", {})
    assert release.released_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert release.content == BRIDGE


@pytest.mark.parametrize(
    ("written", "release_id"),
    [(17, "17"), (" r\u0000-1 ", "r-1"), ("x" * 1001, "x" * 1000), ("", None), ([], None)],
)
def test_a_release_id_is_kept_where_it_is_one(write: Write, written: JsonValue, release_id: str | None) -> None:
    assert only_release(write("notice.json", BRIDGE | {"id": written})).release_id == release_id


def test_a_record_with_a_compiled_release_gives_that_one_alone(write: Write) -> None:
    record = {
        "ocid": "ocds-x-1",
        "releases": [{"url": "https://example.org/1"}],
        "compiledRelease": BRIDGE | {"id": "c"},
    }
    release = only_release(write("record.json", {"records": [record]}))
    assert (release.ocid, release.release_id, release.package) == ("ocds-x-1", "c", {"compiled": True})


def test_a_release_with_an_address_that_states_something_is_no_link(write: Write) -> None:
    embedded: JsonValue = {"url": "https://example.org/r-1", "id": "r-1", "tender": {"title": "Bridge"}}
    release = only_release(write("record.json", {"records": [{"ocid": "ocds-x-9", "releases": [embedded]}]}))
    assert (release.ocid, release.release_id) == ("ocds-x-9", "r-1")


def test_the_ocid_of_the_record_goes_before_that_of_the_release(write: Write) -> None:
    release = only_release(write("record.json", {"records": [{"ocid": "ocds-x-9", "compiledRelease": BRIDGE}]}))
    assert release.ocid == "ocds-x-9"


def test_a_release_keeps_where_and_when_its_package_was_published(write: Write) -> None:
    package: JsonValue = {
        "uri": "https://example.org/p",
        "publishedDate": "2026-05-02",
        "publisher": {},
        "releases": [BRIDGE],
    }
    release = only_release(write("package.json", package))
    assert release.package == {"uri": "https://example.org/p", "publishedDate": "2026-05-02T00:00:00+00:00"}


def test_a_compiled_release_keeps_the_first_dates_of_the_linked_ones(write: Write) -> None:
    links: list[JsonValue] = [
        {"url": "https://example.org/3", "date": "2026-03-01T00:00:00Z", "tag": ["tender"]},
        {"url": "https://example.org/2", "date": "2026-02-01T00:00:00Z", "tag": "tender"},
        {"url": "https://example.org/1", "date": "2026-01-01T00:00:00Z", "tag": ["planning"]},
    ]
    release = only_release(write("record.json", {"ocid": "ocds-x-1", "compiledRelease": BRIDGE, "releases": links}))
    assert release.package == {
        "firstReleaseDate": "2026-01-01T00:00:00+00:00",
        "firstTenderDate": "2026-02-01T00:00:00+00:00",
        "compiled": True,
    }


VERSIONED: dict[str, JsonValue] = {
    "ocid": "o",
    "tender": {
        "id": "1",
        "title": [{"releaseID": "1", "releaseDate": "2026-05-01", "releaseTag": ["tender"], "value": "Bridge"}],
    },
}
REFUSED: list[tuple[JsonValue, str]] = [
    (
        {"records": [{"ocid": "o", "releases": [{"url": "https://example.org/1", "tag": ["planning"]}]}]},
        "links",
    ),
    ({"records": [{"ocid": "o"}]}, "no release"),
    ({"records": [{"ocid": "o", "versionedRelease": {"tag": []}}]}, "versionedRelease"),
    ({"records": [7]}, "not an object"),
    ({"releases": [7]}, "not an object"),
    ({"releases": [{"url": "https://example.org/1"}]}, "link"),
    ({"tag": ["tender"], "tender": {}}, "no ocid"),
    ({"ocid": "o"}, "states nothing"),
    ({"ocid": "o", "id": "1", "date": "2026-05-01", "tag": ["tender"], "tender": {}}, "states nothing"),
    ({"ocid": "o", "url": "https://example.org/1", "id": "1", "date": "2026-05-01", "tag": ["tender"]}, "link"),
    (VERSIONED, "versioned"),
    ({"ocid": "o", "data": VERSIONED}, "versioned"),
    ({"ocid": "o", "data": {"ocid": "o"}}, "states nothing"),
    ({"data": {"data": {"data": {"data": {"data": {"data": BRIDGE}}}}}}, "within 5"),
    ({"compiledRelease": {}, "x": 1}, "no release"),
    (BRIDGE | {"ocid": ""}, "no ocid"),
    (BRIDGE | {"ocid": " \u0000"}, "no ocid"),
    (BRIDGE | {"ocid": 17}, "no ocid"),
    (BRIDGE | {"ocid": "x" * 256}, "256 characters"),
    ({"type": "FeatureCollection", "features": []}, "none of their keys"),
    ("a text", "not an object"),
    ([[BRIDGE]], "not an object"),
]


@pytest.mark.parametrize(("document", "reason"), REFUSED)
def test_what_is_no_usable_release_is_refused_with_the_reason(write: Write, document: JsonValue, reason: str) -> None:
    refusal = only_refusal(write("notices.json", document))
    assert reason in refusal.reason
    assert "notices.json" in refusal.place
    assert not refusal.skipped


def test_one_bad_release_in_a_package_costs_only_itself(write: Write) -> None:
    found = list(read(write("package.json", {"releases": [BRIDGE, {"tag": ["tender"]}, ROAD]})))
    assert [release.ocid for release in releases(found)] == ["ocds-x-1", "ocds-x-2"]
    assert [refusal.place.rpartition("/")[2] for refusal in refusals(found)] == ["package.json releases[1]"]


def test_an_ocid_is_freed_of_what_no_database_stores(write: Write) -> None:
    assert ocids(write("notice.json", BRIDGE | {"ocid": " PW-$$  1\u0000\ud800\n"})) == ["PW-$$  1"]


def test_a_single_release_without_brackets_is_read(write: Write) -> None:
    assert ocids(write("package.json", {"releases": BRIDGE})) == ["ocds-x-1"]


# Files


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b'{"releases": [{"ocid": "ocds-x-1"', "ends too early"),
        (b'{"ocid": "ocds-x', "ends too early"),
        (b"<?xml version='1.0'?><a/>", "not JSON"),
        (b"\x00\xff\x17\x80", "not JSON"),
        (b"[" * 100_000, "too deep"),
        (b'{"ocid": "o", "tender": ' + b"[" * 200 + b"]" * 200 + b"}", "deeper than 100"),
        ('{"ocid": "ocds-x-1"}'.encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_with_the_reason(write: Write, data: bytes, reason: str) -> None:
    refusal = only_refusal(write("notices.json", data))
    assert reason in refusal.reason
    assert "\n" not in refusal.reason
    assert len(refusal.reason) < 120


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "No such file" in only_refusal(tmp_path / "missing.json").reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1"])
def test_text_is_decoded_whatever_its_encoding(write: Write, encoding: str) -> None:
    text = json.dumps({"ocid": "ocds-x-1", "buyer": {"name": "Município de Évora"}}, ensure_ascii=False)
    content = only_release(write("notice.json", text.encode(encoding))).content
    assert content["buyer"] == {"name": "Município de Évora"}


def test_raw_line_breaks_inside_a_text_do_no_harm(write: Write) -> None:
    assert only_release(write("n.json", b'{"ocid": "o", "buyer": "a\n\tb"}')).content["buyer"] == "a\n\tb"


def test_numbers_are_kept_exact(write: Write) -> None:
    long = "7" * 5000
    digits = "0.1234567890123456789012345678901234567890"
    numbers = f"1.10, 0.1, 12345678.90, 1e9999, {digits}, 1e22, -0.0, NaN, Infinity, {long}, 12"
    content = only_release(write("n.json", f'{{"ocid": "o", "awards": [{numbers}]}}'.encode())).content
    assert content["awards"] == [1.1, 0.1, 12345678.9, "1e9999", digits, 1e22, -0.0, "NaN", "Infinity", long, 12]
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_nul_and_lone_surrogates_stay_in_the_content_as_received(write: Write) -> None:
    content = only_release(write("n.json", rb'{"ocid": "o", "buyer": "a\u0000b\ud800c"}')).content
    assert content["buyer"] == "a\x00b\ud800c"


# JSON Lines


@pytest.mark.parametrize("name", ["notices.jsonl", "notices.ndjson", "notices.json", "notices.txt"])
def test_json_lines_are_told_by_their_content(write: Write, name: str) -> None:
    found = releases(list(read(write(name, BRIDGE, b"", {"releases": [ROAD]}, b""))))
    assert [(release.ocid, release.place.rpartition("/")[2]) for release in found] == [
        ("ocds-x-1", f"{name}:1"),
        ("ocds-x-2", f"{name}:3 releases[0]"),
    ]


def test_one_bad_line_is_reported_with_its_number_and_the_rest_goes_on(write: Write) -> None:
    found = list(read(write("notices.json", BRIDGE, b'{"ocid": "ocds-x', b"7", ROAD)))
    assert [release.ocid for release in releases(found)] == ["ocds-x-1", "ocds-x-2"]
    assert [refusal.place.rpartition("/")[2] for refusal in refusals(found)] == [
        "notices.json:2",
        "notices.json:3",
    ]


def test_a_bad_first_line_costs_only_itself_where_the_name_says_lines(write: Write) -> None:
    found = list(read(write("notices.jsonl", b'{"ocid": "ocds-x', b"oops", BRIDGE, ROAD)))
    assert [release.ocid for release in releases(found)] == ["ocds-x-1", "ocds-x-2"]
    assert [refusal.place.rpartition("/")[2] for refusal in refusals(found)] == [
        "notices.jsonl:1",
        "notices.jsonl:2",
    ]


@pytest.mark.parametrize("name", ["notices.jsonl", "notices.json"])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_document_is_read_whatever_its_layout_and_name(write: Write, name: str, indent: int | None) -> None:
    assert ocids(write(name, json.dumps({"releases": [BRIDGE, ROAD]}, indent=indent).encode())) == [
        "ocds-x-1",
        "ocds-x-2",
    ]


def test_a_list_with_one_release_per_line_is_one_document(write: Write) -> None:
    lines = (b"[", json.dumps(BRIDGE).encode() + b",", json.dumps(ROAD).encode(), b"]")
    assert ocids(write("notices.json", *lines)) == ["ocds-x-1", "ocds-x-2"]


def test_a_truncated_document_gives_nothing_but_a_refusal(write: Write) -> None:
    lines = (b'{"releases": [', json.dumps(BRIDGE).encode() + b",", json.dumps(ROAD).encode())
    assert "ends too early" in only_refusal(write("notices.json", *lines)).reason


def test_each_line_may_have_its_own_encoding_and_line_end(write: Write) -> None:
    lines = [{"ocid": "o", "buyer": "é"}, {"ocid": "o", "buyer": "ü"}]
    data = [json.dumps(line, ensure_ascii=False) for line in lines]
    found = releases(list(read(write("n.jsonl", data[0].encode() + b"\r", data[1].encode("iso-8859-1") + b"\r"))))
    assert [release.content["buyer"] for release in found] == ["é", "ü"]


def test_json_lines_are_streamed(write: Write) -> None:
    line = json.dumps(BRIDGE | {"tender": {"description": "x" * 10_000}}).encode()
    path = write("big.jsonl", *[line] * 1000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1000
    assert peak < path.stat().st_size / 10


# Folders


def test_a_folder_gives_every_file_below_it_in_sorted_order(write: Write, tmp_path: Path) -> None:
    for name in ("b/2.JSON", "b/1.ndjson", "a.jsonl", "c.json"):
        write(f"in/{name}", BRIDGE | {"ocid": name})
    assert ocids(tmp_path / "in") == ["a.jsonl", "b/1.ndjson", "b/2.JSON", "c.json"]


def test_other_files_in_a_folder_are_skipped_and_say_so(write: Write, tmp_path: Path) -> None:
    write("in/notice.xml", b"<a/>")
    write("in/.git/config.json", b"hidden")
    write("in/.hidden.json", b"hidden")
    assert ocids(write("in/notice.json", BRIDGE)) == ["ocds-x-1"]
    refused = refusals(list(read(tmp_path / "in")))
    assert [(Path(refusal.place).name, refusal.skipped) for refusal in refused] == [("notice.xml", True)]


def test_a_file_named_by_itself_is_read_whatever_its_name(write: Write) -> None:
    assert ocids(write("download", BRIDGE)) == ["ocds-x-1"]


def test_an_unreadable_file_in_a_folder_costs_only_itself(write: Write, tmp_path: Path) -> None:
    write("in/b.json", BRIDGE)
    (tmp_path / "in/a.json").symlink_to("nowhere")
    os.mkfifo(tmp_path / "in/pipe.json")  # opening it would wait for ever
    found = list(read(tmp_path / "in"))
    assert [release.ocid for release in releases(found)] == ["ocds-x-1"]
    assert [Path(refusal.place).name for refusal in refusals(found)] == ["a.json", "pipe.json"]


def test_a_pipe_or_a_link_to_one_in_a_folder_is_passed_over_in_words(write: Write, tmp_path: Path) -> None:
    write("in/notice.json", BRIDGE)
    os.mkfifo(tmp_path / "in/pipe.json")
    os.mkfifo(tmp_path / "elsewhere")
    (tmp_path / "in/link.jsonl").symlink_to(tmp_path / "elsewhere")
    found = list(read(tmp_path / "in"))
    assert [release.ocid for release in releases(found)] == ["ocds-x-1"]
    assert refusals(found) == [
        Refusal(str(tmp_path / "in" / name), "skipped: not a regular file", skipped=True)
        for name in ("link.jsonl", "pipe.json")
    ]


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    assert only_refusal(tmp_path) == Refusal(str(tmp_path), "the folder holds no file")


def test_a_place_can_be_printed_whatever_the_name_is_made_of(write: Write, tmp_path: Path) -> None:
    write("in/x.json", b"")
    os.rename(tmp_path / "in/x.json", os.fsencode(tmp_path / "in") + b"/\xff\n.json")
    refusal = only_refusal(tmp_path / "in")
    assert refusal.place.encode().endswith("/\ufffd?.json".encode())
