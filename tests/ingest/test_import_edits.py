"""What persons do to a tender between imports stands. All notices here are invented."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain import TenderNoticeRepository, TenderRepository, TenderStatus
from tests.ingest.importer import BRIDGE, Importer, Json, content_of, counts, release

FULL: Json = {
    "ocid": BRIDGE,
    "date": "2026-05-01T00:00:00Z",
    "buyer": {"name": "City", "address": {"locality": "Bergen"}},
    "tender": {
        "title": "Bridge",
        "description": "Two spans",
        "status": "planned",
        "datePublished": "2026-05-01T08:00:00.123456Z",
        "tenderPeriod": {"endDate": "2026-06-01"},
        "value": {"amount": "1000.00005", "currency": "EUR"},
        "classification": {"id": "45221110"},
        "documents": [{"documentType": "tenderNotice", "url": "https://example.org/1"}],
    },
}
LATER: Json = {
    "ocid": BRIDGE,
    "date": "2026-05-02T00:00:00Z",
    "buyer": {"name": "Port", "address": {"locality": "Oslo"}},
    "tender": {
        "title": "New bridge",
        "description": "Three spans",
        "status": "active",
        "datePublished": "2026-05-02T08:00:00.654321Z",
        "tenderPeriod": {"endDate": "2026-07-01"},
        "value": {"amount": "2000.00015", "currency": "NOK"},
        "classification": {"id": "45221119"},
        "documents": [{"documentType": "tenderNotice", "url": "https://example.org/2"}],
    },
}
EDITS: dict[str, object] = {
    "source": "phone",
    "title": "Ours",
    "description": "Our words",
    "organization_name": "Our buyer",
    "deadline": datetime(2027, 1, 1, 12, tzinfo=UTC),
    "url": "https://example.org/ours",
    "location": "Our place",
    "categories": ["ours"],
    "notice_status": "seen",
    "published_at": datetime(2027, 1, 2, 12, tzinfo=UTC),
}
EMPTIED: dict[str, object] = {**{name: None for name in EDITS if name != "title"}, "categories": list[str]()}


def test_a_later_release_replaces_every_field_that_nobody_edited(importer: Importer) -> None:
    importer.run(FULL)
    assert counts(importer.run(LATER)) == (0, 1, 0, 0)
    tender = importer.tender()
    assert (tender.title, tender.description, tender.organization_name) == ("New bridge", "Three spans", "Port")
    assert (tender.estimated_value, tender.currency) == (Decimal("2000.0002"), "NOK")
    assert tender.deadline == datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)
    assert tender.published_at == datetime(2026, 5, 2, 8, 0, 0, 654321, tzinfo=UTC)
    assert (tender.url, tender.location) == ("https://example.org/2", "Oslo")
    assert (tender.categories, tender.notice_status) == (["45221110", "45221119"], "active")


@pytest.mark.parametrize("edits", [EDITS, EMPTIED])
def test_what_a_person_wrote_stands_and_a_field_emptied_stays_empty(
    importer: Importer, edits: dict[str, object]
) -> None:
    importer.run(FULL)
    importer.edit(**edits)
    importer.run(LATER)
    tender = importer.tender()
    assert {name: getattr(tender, name) for name in edits} == edits
    assert (tender.estimated_value, tender.currency) == (Decimal("2000.0002"), "NOK")


@pytest.mark.parametrize("name", sorted(EDITS))
def test_an_edit_of_one_field_keeps_no_other_from_the_import(importer: Importer, other: Importer, name: str) -> None:
    other.run(FULL, LATER)
    importer.run(FULL)
    importer.edit(**{name: EDITS[name]})
    importer.run(LATER)
    assert content_of(importer.tender()) == {**content_of(other.tender()), name: EDITS[name]}


@pytest.mark.parametrize(
    ("edits", "value"),
    [
        ({"currency": "USD"}, (Decimal("1000"), "USD")),
        ({"estimated_value": Decimal(7)}, (Decimal(7), "EUR")),
        ({"currency": None}, (Decimal("1000"), None)),
        ({"currency": None, "estimated_value": None}, (None, None)),
        ({"currency": None, "estimated_value": Decimal(0)}, (Decimal(0), None)),
    ],
)
def test_value_and_currency_are_one_field_for_a_person(
    importer: Importer, edits: dict[str, object], value: tuple[Decimal | None, str | None]
) -> None:
    importer.run(FULL)
    importer.edit(**edits)
    assert importer.run(LATER).ok
    tender = importer.tender()
    assert (tender.estimated_value, tender.currency) == value
    assert tender.title == "New bridge"


def test_a_field_is_the_imports_again_once_a_person_sets_it_back(importer: Importer) -> None:
    importer.run(FULL)
    importer.edit(title="Ours")
    importer.edit(title="Bridge")
    importer.run(LATER)
    assert importer.tender().title == "New bridge"


def test_a_field_is_the_imports_again_once_the_notices_say_the_same(importer: Importer) -> None:
    importer.run(FULL)
    importer.edit(title="New bridge")
    importer.run(LATER)
    assert importer.tender().title == "New bridge"
    importer.run(release(date="2026-05-03", title="Tunnel"))
    assert importer.tender().title == "Tunnel"


def test_an_edit_stands_over_many_runs_and_batches(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 1)
    importer.run(FULL)
    importer.edit(title="Ours", deadline=None)
    importer.run(*(release(date=f"2026-06-{day:02}", title=f"Bridge {day}") for day in range(1, 6)))
    importer.run(LATER)
    tender = importer.tender()
    assert (tender.title, tender.deadline, tender.description) == ("Ours", None, "Three spans")


def test_nothing_is_taken_for_an_edit_that_the_database_only_stored(importer: Importer) -> None:
    """Amounts are rounded, texts cut and cleaned, dates have microseconds: what comes back is what was merged."""
    long: Json = {
        "buyer": {"name": "b" * 300, "address": {"locality": "l" * 300}},
        "tender": {
            "title": "t\u00e9 " * 300,
            "status": "s" * 99,
            "value": {"amount": "0.00005", "currency": "EUR"},
            "description": "a\r\n\u0000b",
            "tenderPeriod": {"endDate": "2026-05-01T00:00:00.9999999+05:45"},
            "classification": {"id": "\u00e9"},
            "items": [{"classification": {"id": code}} for code in ("b", "a", 7, "B")],
        },
    }
    importer.run({**long, "ocid": BRIDGE, "date": "2026-05-01"})
    assert counts(importer.run(LATER)) == (0, 1, 0, 0)
    tender = importer.tender()
    assert (tender.title, tender.organization_name, tender.location) == ("New bridge", "Port", "Oslo")
    assert (tender.notice_status, tender.description) == ("active", "Three spans")
    assert (tender.estimated_value, tender.currency) == (Decimal("2000.0002"), "NOK")
    assert tender.deadline == datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)
    assert tender.categories == ["45221119", "7", "B", "a", "b", "\u00e9"]


# Tenders that a person created


def test_the_empty_fields_of_a_persons_tender_are_filled_and_the_given_ones_kept(importer: Importer) -> None:
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        TenderRepository(session).create(
            title="Ours", external_id=BRIDGE, estimated_value=Decimal(0), categories=["ours"], description=""
        )
    assert counts(importer.run(FULL)) == (0, 1, 0, 0)
    tender = importer.tender()
    assert (tender.title, tender.categories, tender.source) == ("Ours", ["ours"], "ocds")
    assert (tender.estimated_value, tender.currency) == (Decimal(0), None)
    assert (tender.description, tender.organization_name) == ("Two spans", "City")
    importer.run(LATER)
    tender = importer.tender()
    assert (tender.title, tender.categories) == ("Ours", ["ours"])
    assert (tender.estimated_value, tender.currency) == (Decimal(0), None)
    assert (tender.description, tender.organization_name) == ("Three spans", "Port")


def test_a_tender_that_got_another_external_id_is_another_tender(importer: Importer) -> None:
    importer.run(FULL)
    importer.edit(external_id="ours-1")
    assert counts(importer.run(FULL, LATER)) == (1, 0, 0, 0)
    assert importer.tender("ours-1").title == "Bridge"
    assert importer.tender().title == "New bridge"


# Status


@pytest.mark.parametrize("status", list(TenderStatus))
def test_an_import_never_touches_the_status(importer: Importer, status: TenderStatus) -> None:
    importer.run(FULL)
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        error = "no answer" if status is TenderStatus.ERROR else None
        TenderRepository(session).update_status(importer.tender().id, status, error, processing_time=1.5)
    importer.run(LATER)
    tender = importer.tender()
    assert (tender.title, tender.status, tender.error_message) == ("New bridge", status, error)
    assert tender.processing_time == 1.5


# Deletion


def test_a_deleted_tender_is_not_revived_and_its_releases_are_not_kept(importer: Importer) -> None:
    importer.run(FULL)
    importer.delete()
    before = [row.model_dump() for row in importer.tenders(include_deleted=True)]
    assert counts(importer.run(FULL, LATER, release("ocds-x-road"))) == (1, 0, 0, 1)
    assert [row.model_dump() for row in importer.tenders(include_deleted=True)][:1] == before
    assert [tender.external_id for tender in importer.tenders()] == ["ocds-x-road"]
    assert [notice.content for notice in importer.notices(include_deleted=True)][:-1] == [FULL]


def test_a_restored_tender_goes_on_where_it_was(importer: Importer) -> None:
    importer.run(FULL)
    importer.edit(description="Our words")
    tender_id = importer.delete()
    importer.run(LATER)
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        assert TenderRepository(session).restore(tender_id)
    assert importer.tender().title == "Bridge"
    assert counts(importer.run(LATER)) == (0, 1, 0, 0)
    assert (importer.tender().title, importer.tender().description) == ("New bridge", "Our words")
    assert len(importer.notices()) == 2


def test_a_tender_that_was_purged_is_not_brought_back_unless_a_person_creates_it(
    importer: Importer, other: Importer
) -> None:
    importer.run(FULL)
    importer.delete()
    importer.purge()
    assert importer.tenders(include_deleted=True) == []
    assert counts(importer.run(FULL, LATER, release("ocds-x-road"))) == (1, 0, 0, 1)
    assert counts(importer.run(FULL)) == (0, 0, 0, 1)
    assert [tender.external_id for tender in importer.tenders()] == ["ocds-x-road"]
    assert counts(other.run(FULL)) == (1, 0, 0, 0)
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        TenderRepository(session).create(title="Ours", external_id=BRIDGE)
    assert counts(importer.run(FULL)) == (0, 1, 0, 0)
    importer.delete()
    importer.purge()
    assert counts(importer.run(FULL)) == (0, 0, 0, 1)


def test_a_live_tender_counts_before_deleted_ones_with_its_external_id(importer: Importer) -> None:
    importer.run(FULL)
    importer.delete()
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        TenderRepository(session).create(title="Ours", external_id=BRIDGE)
    assert counts(importer.run(FULL)) == (0, 1, 0, 0)
    tender = importer.tender()
    assert (tender.title, tender.description) == ("Ours", "Two spans")
    assert [notice.tender_id for notice in importer.notices()] == [tender.id]


def test_a_deleted_notice_is_not_stored_again_and_what_it_said_is_nobodys_edit(importer: Importer) -> None:
    importer.run(FULL)
    with importer.db.get_session(organization_id=importer.organization_id) as session:
        assert TenderNoticeRepository(session).soft_delete(importer.notices()[0].id)
    assert counts(importer.run(FULL)) == (0, 0, 1, 0)
    assert importer.notices() == []
    importer.run(LATER)
    assert importer.tender().title == "New bridge"
    assert [notice.content for notice in importer.notices()] == [LATER]
