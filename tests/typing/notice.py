"""Types of TenderNoticeRepository, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from typing import assert_type

from pydantic import JsonValue

from domain import Page, TenantSession, TenderNotice, TenderNoticeRepository, Upserted
from domain.tenders.notices import TenderNoticeContent


def reads(session: TenantSession) -> None:
    notices = TenderNoticeRepository(session)
    assert_type(notices.get(1), TenderNotice | None)
    assert_type(notices.require(1), TenderNotice)
    assert_type(notices.find(TenderNotice.tender_id == 1, limit=5, offset=0, org_id=7), Sequence[TenderNotice])
    assert_type(notices.page(), Page[TenderNotice])
    assert_type(notices.stream(), Iterator[TenderNotice])


def writes(session: TenantSession, content: dict[str, JsonValue], body: TenderNoticeContent) -> None:
    notices = TenderNoticeRepository(session)
    notice = notices.create(tender_id=1, release_id="r-1", digest="0" * 64, content=content)
    assert_type(notice, TenderNotice)
    assert_type(notice.content, dict[str, JsonValue])
    assert_type(notices.add(notice), TenderNotice)
    assert_type(notices.put(notice), TenderNotice)
    assert_type(notices.upsert_many([body]), Upserted)
    assert_type(notices.update(1, body), TenderNotice)
    assert_type(notices.soft_delete(1), bool)
