"""Notices: what an import received for a tender, kept as it was."""

from collections.abc import Callable
from typing import Any

from domain import Database, Tender, TenderNotice, TenderNoticeRepository

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def test_a_notice_is_kept_as_it_was_received(domain_db: Database, stored: Stored, tender: Tender) -> None:
    content: dict[str, Any] = {"ocid": "ocds-1", "tag": ["tender"], "nul": "\x00", "value": 1.50, "none": None}
    with domain_db.get_session() as session:
        notice = TenderNoticeRepository(session).create(
            organization_id=1, tender_id=tender.id, release_id="r-1", digest=DIGEST, content=content
        )
    row = stored(TenderNotice, notice.id)
    assert (row["organization_id"], row["tender_id"], row["release_id"]) == (1, tender.id, "r-1")
    assert row["content"] == content


def test_a_tenders_notices_are_listed_the_last_received_first(domain_db: Database, tender: Tender, make: Make) -> None:
    ids = [make(TenderNotice, tender_id=tender.id).id for _ in range(3)]
    make(TenderNotice)
    with domain_db.get_session() as session:
        notices = TenderNoticeRepository(session)
        of_tender = TenderNotice.tender_id == tender.id
        assert [notice.id for notice in notices.find(of_tender, org_id=1)] == ids[::-1]
        assert [notice.id for notice in notices.find(of_tender, limit=1, offset=1)] == [ids[1]]
        notices.soft_delete(ids[1])
        assert [notice.id for notice in notices.find(of_tender)] == [ids[2], ids[0]]
