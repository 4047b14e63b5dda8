"""Texts, dates and digests, as publishers write them and as a database takes them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from domain.ingest.dates import deadline, moment
from domain.ingest.exact_json import digest
from domain.ingest.text import identifier, line, paragraphs


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01T12:00:00z", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        (" 2026-05-01T12:00:00.5+02:00\n", datetime(2026, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-05-01 12:00 -0430", datetime(2026, 5, 1, 16, 30, tzinfo=UTC)),
        ("2026-05-01T12:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01 14:00 Eastern Daylight Time (EDT)", datetime(2026, 5, 1, 18, tzinfo=UTC)),
        ("2026-05-01 14:00 Newfoundland Standard Time (NST)", datetime(2026, 5, 1, 17, 30, tzinfo=UTC)),
        ("2026-05-01T14:00:30 PST", datetime(2026, 5, 1, 22, 0, 30, tzinfo=UTC)),
        ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
        ("9998-12-31T23:59:59Z", datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(written: str, instant: datetime) -> None:
    assert moment(written) == deadline(written) == instant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "01/05/2026",
        "2026-02-30",
        "2026-05-01 14:00 Somewhere (XYZ)",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-05-01T12:00:00+25:00",
        "2026-05-01T24:00:00",
        "2026-05-01x12:00:00",
        "01/05/2024 12:00",
        "\u0662\u0660\u0662\u0666-\u0660\u0665-\u0660\u0661",
        "2026-05-01" * 20,
        None,
        True,
        20260501,
        1777636800.0,
        ["2026-05-01"],
        {"date": "2026-05-01"},
    ],
)
def test_what_can_not_be_read_for_certain_is_no_date(written: JsonValue) -> None:
    assert moment(written) is None
    assert deadline(written) is None


def test_a_date_alone_begins_or_ends_its_day() -> None:
    assert moment("2026-05-01") == datetime(2026, 5, 1, tzinfo=UTC)
    assert deadline("2026-05-01") == datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2027-03-17+01:00", datetime(2027, 3, 16, 23, tzinfo=UTC), datetime(2027, 3, 17, 22, 59, 59, tzinfo=UTC)),
        ("2027-03-17-0500", datetime(2027, 3, 17, 5, tzinfo=UTC), datetime(2027, 3, 18, 4, 59, 59, tzinfo=UTC)),
        ("2027-03-17Z", datetime(2027, 3, 17, tzinfo=UTC), datetime(2027, 3, 17, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_date_with_a_zone_begins_and_ends_its_day_there(written: str, first: datetime, last: datetime) -> None:
    assert (moment(written), deadline(written)) == (first, last)


def test_a_line_has_single_blanks_and_no_controls() -> None:
    assert line(" a\u0000b\t\r\n c\x85d\u2028\xa0e\x07\x9f\ud800 ") == "ab c d e"
    assert line("ab cd", limit=3) == "ab"


def test_an_identifier_keeps_its_inner_blanks() -> None:
    assert identifier("\tPW-$$  24\u0000 \n") == "PW-$$  24"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a < b, 5<6 and 7>6", "a < b, 5<6 and 7>6"),
        (
            "write to <ann@example.org> or <https://example.org/x>",
            "write to <ann@example.org> or <https://example.org/x>",
        ),
        ("<p class='x'>One</p><div>Two<br/>Three</div>", "One\nTwo\nThree"),
        (
            "<style>p {color: red}</style>Text<script src=x>alert('<p>')</script><!-- <b>note</b> -->!",
            "Text!",
        ),
        ("open <!-- and never closed", "open  and never closed"),
        ("<b>5 &lt; 6 &amp; &#233;&#x1F309;&#0;&#1;</b>", "5 < 6 & é🌉\ufffd"),
        ("&#" + "9" * 10_000 + ";x", "x"),
        ("one\r\n\r\n\r\n\r\ntwo\x0b\x1c\tthree\u0000\n", "one\n\ntwo\tthree"),
        ("<Названия> <<x>>", "<Названия> <>"),
        ("<br><p></p>", ""),
    ],
)
def test_html_becomes_plain_text(html: str, text: str) -> None:
    assert paragraphs(html) == text


@pytest.mark.parametrize(
    "unit", ["<", "<!--", "<script ", "<a ", "&", "&#1", "&amp", " \n", "</p ", "<p\n", "<!", "\r", "<br "]
)
@pytest.mark.parametrize("clean", [line, identifier, paragraphs])
def test_cleaning_takes_time_in_proportion_to_the_length(clean: Callable[[str], str], unit: str) -> None:
    started = time.process_time()
    clean(unit * 100_000)
    assert time.process_time() - started < 2


def test_a_digest_depends_on_the_content_and_not_on_how_it_is_written() -> None:
    content: dict[str, JsonValue] = {
        "a": 1,
        "b": [1.5, 1e22, -0.0],
        "c": {"x": "é\u0000\ud800", "\udfff": None},
    }
    same: dict[str, JsonValue] = {
        "c": {"\udfff": None, "x": "é\u0000\ud800"},
        "b": [1.5, 10**22, 0],
        "a": 1.0,
    }
    assert digest(content) == digest(same)
    assert len(digest(content)) == 64
    assert digest(content) != digest(content | {"a": "1"})
    assert digest(content) != digest(content | {"a": True})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
