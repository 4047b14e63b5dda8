"""From releases to the content of a tender. All notices here are invented."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest
from pydantic import JsonValue

from domain.ingest.dates import moment
from domain.ingest.items import Release
from domain.ingest.mapping import TenderFields, merge
from domain.ingest.package import joined

Json = dict[str, JsonValue]


def release(content: Json, *, date: str | None = None, package: Json | None = None) -> Release:
    return Release(ocid="ocds-x-1", release_id=None, released_at=moment(date), content=content, package=package or {})


def tender(**fields: JsonValue) -> Json:
    return {"tender": fields}


def merged(*contents: Json) -> TenderFields:
    """The contents as releases of one day after the other, merged; the given order must not matter."""
    releases = [release(content, date=f"2026-01-{day:02}") for day, content in enumerate(contents, start=1)]
    forward = merge(releases)
    assert all(merge(order) == forward for order in permutations(releases))
    return forward


# Title and description


def test_a_release_without_a_title_is_titled_by_its_ocid() -> None:
    assert merged({})["title"] == "ocds-x-1"


@pytest.mark.parametrize(
    ("title", "content"),
    [
        ("Bridge", tender(title="  Bridge\n", description="Two spans")),
        ("Two spans", tender(title=" ", description="<p>Two</p> spans", items=[{"description": "Steel"}])),
        (
            "Steel",
            tender(
                description="<br>",
                items=[{}, {"description": ""}, {"description": "Steel"}, {"description": "x"}],
            ),
        ),
        ("Steel", {**tender(items={"description": "Steel"}), "planning": {"budget": {"project": "Plan"}}}),
        ("Plan", {"planning": {"budget": {"project": "Plan"}}, "contracts": [{"title": "Contract"}]}),
        ("Contract", {"contracts": [{"title": "Contract"}], "awards": [{"title": "Award"}]}),
        ("Award", {"contracts": [{"description": "Works"}], "awards": {"title": "Award"}}),
        ("Works", {"contracts": [{"description": "Works"}, {"title": "Second"}]}),
        ("ocds-x-1", {"contracts": [{}, {"title": "Second"}], "awards": []}),
        ("2026", tender(title=2026)),
        ("ocds-x-1", tender(title=True, description=7.5, items="none")),
    ],
)
def test_the_first_place_that_has_a_title_gives_it(title: str, content: Json) -> None:
    assert merged(content)["title"] == title


def test_the_title_of_an_earlier_release_goes_before_a_makeshift_of_a_later_one() -> None:
    assert merged(tender(title="Bridge"), {"contracts": [{"title": "Lot 1"}]})["title"] == "Bridge"


def test_a_long_title_is_cut_and_kept_in_full_as_the_description() -> None:
    long = "b" * 600
    fields = merged(tender(title=long))
    assert (fields["title"], fields["description"]) == (long[:500], long)


def test_a_long_title_leaves_a_given_description_alone() -> None:
    fields = merged(tender(title="b" * 600, description="Two spans"))
    assert (len(fields["title"]), fields["description"]) == (500, "Two spans")


def test_a_description_is_plain_text_with_its_lines() -> None:
    html = "<p>Spans:&nbsp;2 &amp; a ramp</p><br />\r\n<ul><li>90\u0000 m</li></ul>"
    assert merged(tender(description=html))["description"] == "Spans: 2 & a ramp\n\n90 m"


# Buyer and place


BUYERS: list[tuple[str | None, Json]] = [
    ("City", {"buyer": {"name": " City "}, "parties": [{"roles": ["buyer"], "name": "P"}]}),
    (
        "P",
        {
            "buyer": {"name": ""},
            "parties": [{"roles": ["supplier"], "name": "S"}, {"roles": ["buyer"], "name": "P"}],
        },
    ),
    ("P", {"parties": {"roles": "buyer", "name": "P"}}),
    (
        "Legal",
        {"buyer": {"identifier": {"legalName": "Legal"}}, **tender(procuringEntity={"name": "Ann"})},
    ),
    (
        "Ann",
        {
            **tender(procuringEntity={"name": "Ann"}),
            "parties": [{"roles": ["procuringEntity"], "name": "P"}],
        },
    ),
    ("P", {"parties": [{"roles": ["procuringEntity"], "name": "P"}]}),
    (None, {"buyer": "City", "parties": [7, {"roles": 7, "name": "P"}]}),
]


@pytest.mark.parametrize(("name", "content"), BUYERS)
def test_the_first_place_that_names_a_buyer_gives_it(name: str | None, content: Json) -> None:
    assert merged(content)["organization_name"] == name


@pytest.mark.parametrize(
    ("place", "content"),
    [
        (
            "Bergen, Norway",
            tender(items=[{}, {"deliveryAddress": {"locality": " Bergen", "countryName": "Norway "}}]),
        ),
        (
            "Vestland",
            {"parties": [{"roles": ["buyer"], "address": {"locality": " - ", "region": "Vestland"}}]},
        ),
        ("Norway", {"buyer": {"address": {"locality": "VACIA", "region": None, "countryName": "Norway"}}}),
        (None, {"buyer": {"address": {"locality": "vacía", "region": "", "countryName": "--"}}}),
    ],
)
def test_the_first_address_that_says_something_gives_the_location(place: str | None, content: Json) -> None:
    assert merged(content)["location"] == place


def test_a_long_buyer_or_place_is_cut() -> None:
    fields = merged({"buyer": {"name": "b" * 300, "address": {"locality": "l" * 254, "countryName": "Norway"}}})
    assert (fields["organization_name"], fields["location"]) == ("b" * 255, "l" * 254 + ",")


# Value


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        (1000, "1000"),
        (0, "0"),
        (0.1, "0.1"),
        (" 1250.50 ", "1250.50"),
        ("1e3", "1000"),
        (2.00005, "2.0000"),
        (2.00015, "2.0002"),
        ("9999999999999999.9999", "9999999999999999.9999"),
    ],
)
def test_an_amount_is_exact_to_four_decimals(amount: JsonValue, value: str) -> None:
    fields = merged(tender(value={"amount": amount, "currency": "EUR"}))
    assert (fields["estimated_value"], fields["currency"]) == (Decimal(value), "EUR")


@pytest.mark.parametrize(
    "amount",
    [
        None,
        "",
        True,
        False,
        -1,
        "-0.01",
        "NaN",
        "Infinity",
        float("inf"),
        "1,000",
        "1_000",
        "about 5",
        "٣",
        "1e9999",
        10**16,
        "9999999999999999.99996",
        "1e" + "9" * 30,
        {},
        [5],
    ],
)
def test_what_is_no_amount_gives_neither_value_nor_currency(amount: JsonValue) -> None:
    fields = merged(tender(value={"amount": amount, "currency": "EUR", "minValue": 5}))
    assert (fields["estimated_value"], fields["currency"]) == (None, None)


@pytest.mark.parametrize("currency", [None, "", "eur", "Euro", "EURO", 978, "\u0395UR"])
def test_a_value_may_lack_its_currency(currency: JsonValue) -> None:
    fields = merged(tender(value={"amount": 5, "currency": currency}))
    assert (fields["estimated_value"], fields["currency"]) == (Decimal(5), None)


@pytest.mark.parametrize(
    ("history", "value"),
    [
        ([(5, "EUR"), (None, "EUR")], ("5", "EUR")),
        ([(5, "EUR"), (None, "USD")], ("5", "EUR")),
        ([(5, "EUR"), (6, "USD")], ("6", "USD")),
        ([(5, "EUR"), (6, None)], ("6", "EUR")),
        ([(5, "EUR"), (6, "")], ("6", "EUR")),
        ([(5, "EUR"), (6, "Dollar")], ("6", None)),
        ([(5, None), (None, "EUR")], ("5", "EUR")),
        ([(None, "EUR"), (5, None)], ("5", "EUR")),
    ],
)
def test_an_amount_is_never_joined_with_the_currency_of_another(
    history: list[tuple[int | None, str | None]], value: tuple[str, str | None]
) -> None:
    values = ({"amount": amount, "currency": code} for amount, code in history)
    fields = merged(*(tender(value={key: said for key, said in value.items() if said is not None}) for value in values))
    assert (fields["estimated_value"], fields["currency"]) == (Decimal(value[0]), value[1])


# Dates


def test_a_deadline_that_is_a_date_alone_is_the_end_of_that_day() -> None:
    fields = merged(tender(tenderPeriod={"endDate": "2026-05-01"}))
    assert fields["deadline"] == datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC)


def test_a_later_deadline_that_can_not_be_read_does_not_hide_an_earlier_one() -> None:
    fields = merged(*(tender(tenderPeriod={"endDate": date}) for date in ("2026-05-01T12:00:00Z", "soon", " ")))
    assert fields["deadline"] == datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_publication_date_stated_goes_before_the_dates_of_releases() -> None:
    stated = release(tender(datePublished="2026-02-03T04:05:06Z"), date="2026-01-01")
    assert merge([stated])["published_at"] == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_the_first_release_tagged_as_tender_tells_when_it_was_published() -> None:
    stages = [
        ("2026-01-01", "planning"),
        ("2026-03-01", "tender"),
        ("2026-02-01", "tender"),
        ("2026-04-01", "award"),
    ]
    releases = [release({"tag": [tag]}, date=date) for date, tag in stages]
    assert merge(releases)["published_at"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert merge([releases[3], releases[0]])["published_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_compiled_release_was_not_published_on_its_own_date() -> None:
    compiled: Json = {"tag": ["tender", "compiled"]}
    first: Json = {"firstTenderDate": "2026-02-01T00:00:00Z", "firstReleaseDate": "2026-01-01T00:00:00Z"}
    single = release({"tag": ["award"]}, date="2026-03-01")
    assert merge([release(compiled, date="2026-01-15"), single])["published_at"] == single.released_at
    with_dates = release(compiled, date="2026-04-01", package=first)
    assert merge([with_dates, single])["published_at"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert merge([release(compiled, date="2026-04-01")])["published_at"] == datetime(2026, 4, 1, tzinfo=UTC)


def test_the_date_of_the_package_comes_last() -> None:
    package: Json = {"publishedDate": "2026-06-01T00:00:00Z"}
    assert merge([release({}, package=package)])["published_at"] == datetime(2026, 6, 1, tzinfo=UTC)
    assert merge([release({}, date="2026-07-01", package=package)])["published_at"] == datetime(2026, 7, 1, tzinfo=UTC)


# Links, categories, status


def test_the_tender_notice_goes_before_the_package_as_link() -> None:
    documents: JsonValue = [
        {"documentType": "biddingDocuments", "url": "https://example.org/no"},
        {"documentType": "tenderNotice", "url": "ftp://example.org/no"},
        {"documentType": "tenderNotice", "url": " https://example.org/a b "},
    ]
    package: Json = {"uri": "http://example.org/package"}
    assert merge([release(tender(documents=documents), package=package)])["url"] == "https://example.org/a%20b"
    assert merge([release({}, package=package)])["url"] == "http://example.org/package"


@pytest.mark.parametrize(
    "url", ["example.org", "javascript:alert(1)", "https://", "https://e.org/" + "x" * 1000, 7, None]
)
def test_what_is_no_web_link_or_too_long_is_no_url(url: JsonValue) -> None:
    assert merge([release({}, package={"uri": url})])["url"] is None


def test_categories_are_the_distinct_codes_of_all_releases() -> None:
    first = tender(classification={"id": 45221110}, items=[{"classification": {"id": "A-1"}}])
    second = tender(items={"classification": {"id": "B"}, "additionalClassifications": [{"id": "A-1"}, {"id": 7.0}]})
    third = tender(
        classification={"id": None}, items=[{"classification": {"id": True}}, {"classification": {"id": " "}}]
    )
    assert merged(first, second, third)["categories"] == ["45221110", "7", "A-1", "B"]


def test_the_status_is_the_publishers_own_word_cut_to_fifty_characters() -> None:
    assert merged(tender(status="Primită"))["notice_status"] == "Primită"
    assert merged(tender(status="s" * 60))["notice_status"] == "s" * 50


# Merging


def test_every_release_gives_what_the_later_ones_do_not_say() -> None:
    fields = merged(
        tender(title="Bridge", status="planned", value={"amount": 5, "currency": "EUR"}),
        {**tender(title="", status="active", value={}), "buyer": {"name": "City"}},
        {"buyer": {"name": " "}, "awards": [{"title": "Award"}]},
    )
    assert (fields["title"], fields["notice_status"], fields["organization_name"]) == (
        "Bridge",
        "active",
        "City",
    )
    assert (fields["estimated_value"], fields["currency"]) == (Decimal(5), "EUR")


def in_every_order(*releases: Release) -> str | None:
    statuses = {merge(order)["notice_status"] for order in permutations(releases)}
    assert len(statuses) == 1
    return statuses.pop()


def test_an_undated_release_comes_first() -> None:
    dated = release(tender(status="active"), date="2026-01-01")
    assert in_every_order(dated, release(tender(status="undated, and of more words"))) == "active"


def test_on_one_date_the_later_stage_has_the_last_word() -> None:
    stages = ("planning", "tender", "tenderUpdate", "award", "contract", "implementation")
    releases = [release({"tag": [stage], **tender(status=stage)}, date="2026-01-01") for stage in stages]
    for upto in range(2, len(stages)):
        assert in_every_order(*releases[:upto]) == stages[upto - 1]


def test_on_one_date_a_single_release_has_the_last_word_over_the_compiled_one() -> None:
    compiled = release({"tag": ["contract", "compiled"], **tender(status="compiled")}, date="2026-01-01")
    assert in_every_order(compiled, release({"tag": "planning", **tender(status="new")}, date="2026-01-01")) == "new"


def test_of_two_alike_the_one_received_later_has_the_last_word() -> None:
    first = release({"tag": ["tender"], "buyer": {"name": "City"}, **tender(status="complete")}, date="2026-01-01")
    second = release({"tag": ["tender"], **tender(status="active")}, date="2026-01-01")
    assert merge([first, second])["notice_status"] == "active"
    assert merge([second, first])["notice_status"] == "complete"


def test_of_several_tags_the_latest_stage_counts() -> None:
    both = release({"tag": ["planning", "tender", "unheard-of"], **tender(status="both")}, date="2026-01-01")
    planned = release({"tag": ["planning"], **tender(status="planned, in more words")}, date="2026-01-01")
    assert in_every_order(both, planned) == "both"


def test_a_release_that_comes_again_changes_nothing() -> None:
    first = release(tender(title="Bridge", classification={"id": "1"}), date="2026-01-01")
    second = release(tender(title="Big bridge"), date="2026-01-02")
    assert merge([first, second, first, first]) == merge([first, second])


def test_what_two_packages_say_about_one_release_is_joined_in_any_order() -> None:
    one: Json = {
        "uri": "https://example.org/b",
        "publishedDate": "2026-01-02",
        "firstTenderDate": "2026-01-01",
    }
    other: Json = {"uri": "https://example.org/a", "publishedDate": "2026-01-01T12:00:00Z", "extra": 1}
    assert joined(one, other) == joined(other, one)
    assert joined(one, {"compiled": True})["compiled"] is joined({"compiled": True}, one)["compiled"] is True
    assert joined(one, other)["uri"] == "https://example.org/b"


def test_only_releases_of_one_ocid_can_be_merged() -> None:
    other = Release(ocid="ocds-x-2", release_id=None, released_at=None, content={})
    with pytest.raises(ValueError, match="exactly one ocid"):
        merge([release({}), other])
    with pytest.raises(ValueError, match="exactly one ocid"):
        merge([])
