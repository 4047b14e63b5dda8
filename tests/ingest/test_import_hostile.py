"""Values that publishers send, and that no column takes: nothing breaks, and the notice keeps them as received."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import JsonValue

from domain.ingest.exact_json import digest
from tests.ingest.importer import BRIDGE, Importer, Json, release

TEXTS = {
    "NUL": ("a\x00b", "ab"),
    "controls": ("a\x01\x1b\x7f\x9fb", "ab"),
    "white space": (" a\t\r\n b\u2028", "a b"),
    "lone surrogate": ("a\ud800b", "ab"),
    "byte order mark": ("\ufeffa", "\ufeffa"),
    "beyond the BMP": ("a\U0001f309", "a\U0001f309"),
    "only NUL": ("\x00", BRIDGE),
    "markup": ("<b>a</b> & b", "<b>a</b> & b"),
    "percent and quotes": ("100% 'a' \"b\" \\ %(x)s :x ; --", "100% 'a' \"b\" \\ %(x)s :x ; --"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_title_is_cleaned_and_kept_as_received(importer: Importer, name: str) -> None:
    written, title = TEXTS[name]
    received = release(title=written)
    assert importer.run(received).ok
    assert importer.tender().title == title
    assert importer.notices()[0].content == received
    assert importer.run(received).unchanged == 1


DEADLINES = {
    "2026-05-01T12:00:00": datetime(2026, 5, 1, 12, tzinfo=UTC),
    "2026-05-01": datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC),
    "2026-05-01T12:00:00.123456+05:45": datetime(2026, 5, 1, 6, 15, 0, 123456, tzinfo=UTC),
    "9998-12-31T23:59:59Z": datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC),
    "1900-01-01T00:00:00Z": datetime(1900, 1, 1, tzinfo=UTC),
    "0001-01-01T00:00:00+14:00": None,
    "9999-12-31T23:59:59-14:00": None,
    "2026-02-30": None,
    "tomorrow\x00": None,
}


@pytest.mark.parametrize("written", DEADLINES)
def test_a_deadline_is_read_or_left_out(importer: Importer, written: str) -> None:
    assert importer.run(release(tenderPeriod={"endDate": written})).ok
    assert importer.tender().deadline == DEADLINES[written]


AMOUNTS = {
    '"1250.50"': Decimal("1250.50"),
    '" 1e3 "': Decimal(1000),
    "0.1": Decimal("0.1"),
    "900000000000000.0001": Decimal("900000000000000.0001"),
    "0.00005": Decimal(0),
    "0.00015": Decimal("0.0002"),
    "-0.0": Decimal(0),
    "-5": None,
    '"-5"': None,
    "NaN": None,
    "Infinity": None,
    "-Infinity": None,
    '"NaN"': None,
    "1e9999": None,
    '"1e9999"': None,
    "1234567890" * 4: None,
    "0." + "1234567890" * 4: Decimal("0.1235"),
    "9" * 5000: None,
    '"1,000"': None,
    "true": None,
    "null": None,
    "[5]": None,
    '{"amount": 5}': None,
}


@pytest.mark.parametrize("written", AMOUNTS)
def test_an_amount_is_exact_or_left_out_and_its_currency_with_it(importer: Importer, written: str) -> None:
    line = f'{{"ocid": "{BRIDGE}", "tender": {{"value": {{"amount": {written}, "currency": "EUR"}}}}}}'.encode()
    assert importer.run(line).ok
    tender = importer.tender()
    value = AMOUNTS[written]
    assert (tender.estimated_value, tender.currency) == (value, None if value is None else "EUR")
    assert importer.run(line).unchanged == 1
    assert importer.run(release(date="2026-05-01", value={"amount": 7, "currency": "NOK"})).updated == 1
    assert importer.tender().estimated_value == 7


CONTENTS: dict[str, Json] = {
    "NUL": {"a\x00": "\x00", "b": ["\x00", {"\x00": "c"}]},
    "lone surrogates": {"\ud800": "\udfff", "b": [{"x\udc00y": "\ud800\ud800"}], "both": "\U0001f309"},
    "numbers": {"a": 1.5, "b": 1e300, "c": 5e-324, "d": 10**40, "e": -(10**100), "f": 0.1, "g": True, "h": 2**63},
    "empty": {"": "", "a": {}, "b": [], "c": None},
    "order": {"z": 1, "a": 2, "m": {"z": 1, "a": 2}},
}


@pytest.mark.parametrize("name", CONTENTS)
def test_content_comes_out_of_the_database_as_it_was_received(importer: Importer, name: str) -> None:
    received: Json = {**release(title="Bridge"), "extra": CONTENTS[name]}
    assert importer.run(received).ok
    [notice] = importer.notices()
    assert json.dumps(notice.content) == json.dumps(received)
    assert digest(notice.content) == notice.digest
    assert importer.run(received).unchanged == 1
    assert importer.run({**received, "date": "2026-05-01", "tender": {"title": "New"}}).updated == 1
    assert importer.tender().title == "New"


def test_content_changed_by_the_application_keeps_its_lone_surrogates(importer: Importer) -> None:
    importer.run(release())
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        notice = importer.notices()[0]
        session.add(notice)
        notice.content = {"\ud800": "\x00"}
        notice.content["b\udfff"] = "\ud800"
    assert importer.notices()[0].content == {"\ud800": "\x00", "b\udfff": "\ud800"}


@pytest.mark.parametrize(
    ("written", "external_id"),
    [(" ocds $1 ", "ocds $1"), ("a\x00b\ud800", "ab"), ("'; DROP TABLE tenders; --", "'; DROP TABLE tenders; --")],
)
def test_an_ocid_is_cleaned_and_finds_its_tender_again(importer: Importer, written: str, external_id: str) -> None:
    assert importer.run(release(written)).created == 1
    assert importer.tender(external_id).title == " ".join(external_id.split())
    assert importer.run(release(written)).unchanged == 1


def test_a_file_with_a_byte_order_mark_or_in_latin_1_goes_in(importer: Importer) -> None:
    with_mark = b"\xef\xbb\xbf" + json.dumps(release("ocds-1", title="a")).encode()
    latin = json.dumps(release("ocds-2", title="caf\u00e9"), ensure_ascii=False).encode("iso-8859-1")
    summary = importer.paths([importer.file(with_mark), importer.file(latin)])
    assert summary.ok
    assert [tender.title for tender in importer.tenders()] == ["a", "caf\u00e9"]


ODD: list[JsonValue] = [
    None,
    True,
    7,
    7.5,
    "x",
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    ["x", 7],
    "\x00",
    "\ud800",
    "x" * 99_999,
]


@pytest.mark.parametrize("value", ODD, ids=[str(number) for number in range(len(ODD))])
def test_anything_may_stand_anywhere(importer: Importer, value: JsonValue) -> None:
    names = ("title", "description", "items", "value", "tenderPeriod", "status", "classification", "documents")
    top = ("id", "date", "tag", "buyer", "parties", "planning", "awards", "contracts", "tender")
    lines: list[Json] = [{"ocid": f"ocds-{name}", "tender": {name: value}} for name in names]
    others: list[Json] = [{"planning": {"id": "1"}, **release(f"ocds-{name}"), name: value} for name in top]
    others[top.index("planning")]["tender"] = {"title": "Bridge"}
    assert importer.run(*lines, *others).created == len(names) + len(top)
    assert importer.run(*lines, *others).unchanged == len(names) + len(top)
