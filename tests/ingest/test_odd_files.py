"""Files as they are handed around: wrapped, packed, in pieces, large, damaged, and in the wrong place."""

import gzip
import io
import json
import sys
import tarfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from domain.ingest import Refusal, Release, Remark
from domain.ingest.documents import REPAIRED
from domain.ingest.items import Item
from tests.ingest.reading import read

Json = dict[str, JsonValue]
PACKAGE: Json = {"uri": "https://example.org/p", "publishedDate": "2026-05-02T00:00:00Z"}


def release(number: int, **tender: JsonValue) -> Json:
    return {"ocid": f"ocds-x-{number}", "tag": ["tender"], "tender": {"title": "Bridge", **tender}}


def ocids(found: Sequence[Item]) -> list[str]:
    assert not [item for item in found if isinstance(item, Refusal)], found
    return [item.ocid for item in found if isinstance(item, Release)]


def reasons(found: Sequence[Item]) -> list[str]:
    return [item.reason for item in found if isinstance(item, Refusal)]


def written(path: Path, data: JsonValue | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


@pytest.fixture
def stream_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document is read in pieces, whatever its size."""
    monkeypatch.setattr("domain.ingest.documents.WHOLE", 1)
    monkeypatch.setattr("domain.ingest.json_stream.CHUNK", 7)


# Wrapped

BOTH: list[JsonValue] = [release(1), release(2)]
RECORDS: list[JsonValue] = [
    {"ocid": "ocds-x-1", "compiledRelease": release(1)},
    {"ocid": "ocds-x-2", "releases": [release(2)]},
]
SHAPES: dict[str, JsonValue] = {
    "package": {**PACKAGE, "releases": BOTH},
    "facts last": {"releases": BOTH, **PACKAGE},
    "record package": {**PACKAGE, "records": RECORDS},
    "data": {"data": {**PACKAGE, "releases": BOTH}, "status": "ok"},
    "results": {"count": 2, "results": [{**PACKAGE, "releases": [each]} for each in BOTH]},
    "results of releases": {"results": BOTH},
    "recordPackage": {"recordPackage": {**PACKAGE, "records": RECORDS}},
    "data of record packages": {"data": {"recordPackage": {"records": RECORDS}}},
    "packages inside releases": {"releases": [{**PACKAGE, "releases": [each]} for each in BOTH]},
    "rows": [{"ocid": f"ocds-x-{number}", "id": 7, "data": release(number)} for number in (1, 2)],
    "rows that know the ocid": [{"ocid": "ocds-x-1", "data": {"tender": {"title": "B"}}}, {"data": release(2)}],
    "rows in releases": {"releases": [{"ocid": f"ocds-x-{number}", "data": release(number)} for number in (1, 2)]},
    "a list of packages": [{**PACKAGE, "releases": [each]} for each in BOTH],
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_plainly_wraps_is_unwrapped(tmp_path: Path, name: str) -> None:
    assert ocids(list(read(written(tmp_path / "x.json", SHAPES[name])))) == ["ocds-x-1", "ocds-x-2"]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_large_document_gives_what_a_small_one_gives(
    tmp_path: Path, request: pytest.FixtureRequest, name: str, indent: int | None
) -> None:
    path = written(tmp_path / "x.json", json.dumps(SHAPES[name], indent=indent).encode())
    small = list(read(path))
    request.getfixturevalue("stream_everything")
    assert list(read(path)) == small
    assert len(small) == 2


def test_a_large_package_takes_little_memory(tmp_path: Path) -> None:
    releases: list[JsonValue] = [release(number, description="x" * 20_000) for number in range(1500)]
    path = written(tmp_path / "big.json", {"releases": releases, **PACKAGE})
    del releases
    tracemalloc.start()
    try:
        found = sum(isinstance(item, Release) and item.package != {} for item in read(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 1500
    assert path.stat().st_size > 30_000_000 > peak


# Several documents in one file


def texts(*documents: JsonValue, indent: int | None = None) -> list[bytes]:
    return [json.dumps(document, indent=indent).encode() for document in documents]


SEVERAL = {
    "concatenated": b"".join(texts(*BOTH)),
    "concatenated, indented": b"\n".join(texts(*BOTH, indent=2)),
    "RFC 7464": b"".join(b"\x1e%b\n" % text for text in texts(*BOTH)),
    "RFC 7464, indented": b"".join(b"\x1e%b\n" % text for text in texts(*BOTH, indent=2)),
    "an array over lines": b"[\n" + b",\n".join(texts(*BOTH)) + b"\n]",
    "an array, indented": json.dumps(BOTH, indent=2).encode(),
    "arrays in lines": b"\n".join(texts([release(1)], [release(2)])),
}


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".jsonl.gz"])
def test_every_document_in_a_file_is_read(tmp_path: Path, name: str, suffix: str) -> None:
    data = SEVERAL[name]
    path = written(tmp_path / f"x{suffix}", gzip.compress(data) if suffix.endswith("gz") else data)
    assert ocids(list(read(path))) == ["ocds-x-1", "ocds-x-2"]


@pytest.mark.usefixtures("stream_everything")
@pytest.mark.parametrize("end", ["", "\n", ",", "]", "]}x", '{"a" 1}', "tru", "-"])
def test_a_damaged_large_document_gives_nothing_but_a_refusal(tmp_path: Path, end: str) -> None:
    path = written(tmp_path / "x.json", b'{"releases": [' + json.dumps(release(1)).encode() + end.encode())
    found = list(read(path))
    assert len(found) == len(reasons(found)) == 1
    assert "JSON" in reasons(found)[0]


@pytest.mark.usefixtures("stream_everything")
def test_a_value_is_read_whole_wherever_the_pieces_of_the_file_end(tmp_path: Path) -> None:
    odd: list[JsonValue] = [12345678901234567890, -1.5e10, True, None, '\U0001f309 \\ " é', {"a": []}, "\u0142" * 9]
    for blanks in range(9):
        text = " " * blanks + json.dumps({"releases": [{**release(1), "awards": odd}]})
        (found,) = read(written(tmp_path / "x.json", text.encode()))
        assert isinstance(found, Release)
        assert found.content["awards"] == odd


# Bytes

NAME = "L\u2019immeuble \u20ac 5 \u2013 Évora"


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_what_is_not_utf_8_is_read_as_windows_1252_and_named(tmp_path: Path, encoding: str, suffix: str) -> None:
    text = json.dumps(release(1, title=NAME), ensure_ascii=False)
    found = list(read(written(tmp_path / f"x{suffix}", text.encode(encoding))))
    assert [item.content["tender"] for item in found if isinstance(item, Release)] == [{"title": NAME}]
    remarks = [item.reason for item in found if isinstance(item, Remark)]
    assert remarks == ([] if encoding == "utf-8" else [REPAIRED])


@pytest.mark.parametrize("large", [False, True])
def test_one_broken_byte_costs_only_itself(tmp_path: Path, request: pytest.FixtureRequest, large: bool) -> None:
    if large:
        request.getfixturevalue("stream_everything")
    names = [f"Évora {number}" for number in range(5)]
    text = json.dumps({"releases": [release(n, title=name) for n, name in enumerate(names)]}, ensure_ascii=False)
    found = list(read(written(tmp_path / "x.json", text.encode().replace("É".encode() + b"vora 2", b"\xc9vora 2"))))
    assert [item.content["tender"] for item in found if isinstance(item, Release)] == [{"title": n} for n in names]
    assert [item.reason for item in found if isinstance(item, Remark)] == [REPAIRED]


# Packed


def test_a_gzip_that_unpacks_to_too_much_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.source.UNPACKED", 3_000_000)
    for data in (b" " * 10_000_000, json.dumps(release(1)).encode() + b"\n" * 10_000_000):
        path = written(tmp_path / "bomb.json.gz", gzip.compress(data))
        assert reasons(list(read(path)))[-1] == "it unpacks to more than 3 MB: import it unpacked"


def test_a_value_or_a_line_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("documents", "json_stream"):
        monkeypatch.setattr(f"domain.ingest.{name}.LARGEST", 1_000_000)
    line = json.dumps(release(1)).encode() + b"\n"
    text = b'{"releases": [{"ocid": "' + b"x" * 20_000_000
    assert reasons(list(read(written(tmp_path / "x.json.gz", gzip.compress(text))))) == [
        "a value of more than 1 MB at line 1"
    ]
    found = list(read(written(tmp_path / "x.jsonl", line + line + text)))
    assert len(found) == 3
    assert reasons(found) == ["a line of more than 1 MB: line 3"]


@pytest.mark.parametrize("cut", [-1, -9, 30])
def test_a_damaged_gzip_is_refused(tmp_path: Path, cut: int) -> None:
    data = gzip.compress(b"\n".join(json.dumps(release(n)).encode() for n in range(3)))
    assert "damaged gzip" in reasons(list(read(written(tmp_path / "x.jsonl.gz", data[:cut]))))[0]


def test_other_archives_and_xml_are_refused_with_what_to_do(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(written(tmp_path / "x.json", release(1)), arcname="x.json")
    for data, words in (
        (b"PK\x03\x04", "ZIP archive, not JSON: unpack it"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><ContractNotice/>", "eForms notices are to be converted to OCDS"),
        (packed.getvalue(), "tar archive"),
    ):
        assert words in reasons(list(read(written(tmp_path / "notices.json", data))))[0]


def test_ten_thousand_brackets_are_refused_in_words(tmp_path: Path) -> None:
    for text in ("[" * 10_000, '{"data":' * 10_000, '{"releases": [{"ocid": "x", "tender": ' + "[" * 10_000):
        assert reasons(list(read(written(tmp_path / "x.json", text.encode())))) == ["JSON nested too deep"]


# Places


def test_a_pipe_is_read_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for data in (b"\n".join(texts(*BOTH)), gzip.compress(b"".join(texts({"releases": BOTH})))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Pipe(data)))
        found = list(read(Path("-")))
        assert ocids(found) == ["ocds-x-1", "ocds-x-2"]
        assert all(item.place.startswith("standard input") for item in found)


def test_a_link_that_leads_out_of_the_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    written(tmp_path / "in/1.json", release(1))
    written(tmp_path / "out/2.json", release(2))
    (tmp_path / "in/2.json").symlink_to(tmp_path / "out/2.json")
    (tmp_path / "in/3.json").symlink_to("1.json")
    (tmp_path / "in/out").symlink_to(tmp_path / "out")
    found = list(read(tmp_path / "in"))
    assert [item.ocid for item in found if isinstance(item, Release)] == ["ocds-x-1", "ocds-x-1"]
    refused = [item for item in found if isinstance(item, Refusal)]
    assert [(Path(item.place).name, item.skipped) for item in refused] == [("2.json", True), ("out", True)]
    assert refused[0].reason == "skipped: a link that leads out of the folder"


def test_a_folder_with_nothing_to_read_says_so(tmp_path: Path) -> None:
    written(tmp_path / "notice.xml", b"<a/>")
    assert [(found.reason, found.skipped) for found in read(tmp_path) if isinstance(found, Refusal)] == [
        ("the folder holds no file that can be read", False),
        ("skipped: not a .json, .jsonl, .ndjson or .gz file", True),
    ]
