"""Whatever JSON a publisher sends, merging does not fail, and its result can be stored."""

import json
import random
import unicodedata
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.ingest.dates import moment
from domain.ingest.documents import Document
from domain.ingest.exact_json import digest
from domain.ingest.items import Release
from domain.ingest.mapping import TenderFields, merge
from domain.ingest.shapes import items
from domain.tenders.model import TenderContent

Json = dict[str, JsonValue]

LIMITS = {
    "external_id": 255,
    "source": 100,
    "title": 500,
    "organization_name": 255,
    "currency": 3,
    "url": 1000,
    "location": 255,
    "notice_status": 50,
}

# Surrogates ("Cs") and controls ("Cc") do occur: \ud800 is legal JSON.
texts = st.text(st.characters(), max_size=20) | st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "�",
        "buyer",
        "tender",
        "compiled",
        "tenderNotice",
        "https://example.org/ \x00x",
        "EUR",
        "5",
        "1e9999",
        "NaN",
        "2026-05-01",
        "2026-05-01 14:00 X (EDT)",
        "<p>&#0;</p>",
        "VACIA",
        "x" * 1200,
        "\x00y" * 600,
    ]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything: st.SearchStrategy[JsonValue] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def some(**fields: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    """An object with some of the fields, or a list of such, or something else altogether."""
    return _one_or_several(st.fixed_dictionaries({}, optional=fields))


def _one_or_several(whole: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    return whole | st.lists(whole, max_size=3) | anything


address = some(locality=anything, region=anything, countryName=anything)
item = some(
    description=anything,
    deliveryAddress=address,
    classification=some(id=anything),
    additionalClassifications=some(id=anything),
)
tender = some(
    title=anything,
    description=anything,
    status=anything,
    datePublished=anything,
    tenderPeriod=some(endDate=anything),
    value=some(amount=anything, currency=anything),
    classification=some(id=anything),
    items=item,
    documents=some(documentType=st.just("tenderNotice"), url=anything),
    procuringEntity=some(name=anything),
)
contents: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "tag": anything,
        "tender": tender,
        "buyer": some(name=anything, address=address, identifier=some(legalName=anything)),
        "parties": some(name=anything, roles=anything, address=address),
        "planning": some(budget=some(project=anything)),
        "contracts": some(title=anything, description=anything),
        "awards": some(title=anything),
    },
)
packages: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "uri": anything,
        "publishedDate": anything,
        "firstTenderDate": anything,
        "firstReleaseDate": anything,
    },
)
dates = st.sampled_from([None, "2026-01-01", "2026-01-02"]).map(moment)
releases = st.builds(
    Release,
    ocid=st.just("ocds-x-1"),
    release_id=st.none(),
    released_at=dates,
    content=contents,
    package=packages,
)


def is_storable(text: str, *, layout: str = "") -> bool:
    return all(char in layout or unicodedata.category(char) not in ("Cc", "Cs") for char in text)


def assert_storable(fields: TenderFields) -> None:
    values: dict[str, object] = {**fields}
    for name, limit in LIMITS.items():
        value = values[name]
        assert value is None or (isinstance(value, str) and 1 <= len(value) <= limit and is_storable(value))
        assert not isinstance(value, str) or value == value.strip()
    assert fields["description"] is None or (
        fields["description"] and is_storable(fields["description"], layout="\n\t")
    )
    assert all(code and is_storable(code) for code in fields["categories"])
    value = fields["estimated_value"]
    assert value is None or (Decimal(0) <= value < Decimal(10) ** 16 and value == round(value, 4))
    assert fields["currency"] is None or value is not None
    stored = TenderContent.model_validate(fields)
    assert {name: getattr(stored, name) for name in values} == values


@given(st.lists(releases, min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_merging_never_fails_and_releases_of_different_dates_give_the_same_storable_tender_in_any_order(
    given: list[Release], random: random.Random
) -> None:
    dates = [None, *(moment(f"2026-01-0{day}") for day in range(1, 4))]
    received = [replace(each, released_at=date) for each, date in zip(given, dates, strict=False)]
    fields = merge(received)
    assert_storable(fields)
    again = [*received, random.choice(received)]
    random.shuffle(again)
    assert merge(again) == fields


@given(contents)
@settings(max_examples=100, deadline=None)
def test_a_digest_survives_being_written_and_read_again(content: Json) -> None:
    written = json.dumps(content, ensure_ascii=True)
    assert digest(json.loads(written)) == digest(content)


@given(anything | st.lists(contents, max_size=2) | some(releases=contents, records=some(compiledRelease=contents)))
@settings(max_examples=100, deadline=None)
def test_any_json_document_gives_releases_or_refusals(document: JsonValue) -> None:
    for found in items(Document("x.json", document, 1000)):
        if isinstance(found, Release):
            assert 1 <= len(found.ocid) <= 255
            assert is_storable(found.ocid)
            assert_storable(merge([found]))
        else:
            assert found.reason
