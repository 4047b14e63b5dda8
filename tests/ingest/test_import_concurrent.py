"""Imports of one organization side by side, and beside persons at work: no data is lost and none stands twice."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import pytest
from sqlmodel import col, select

from domain import OrganizationRepository, Tender, TenderRepository, TimeLimits, UnavailableError, including_deleted
from domain.errors import OrganizationDeletedError
from domain.ingest import ImportSummary, known_rows, writing
from domain.kit.session import TenantSession
from tests.ingest.importer import BRIDGE, Importer, Json, counts, release


def releases(number: int) -> list[Json]:
    """Eight days of ten tenders; every day changes the title, and only one in four the description."""
    found: list[Json] = []
    for day in range(1, 9):
        text = None if day % 4 else f"As of {day}"
        found += [
            release(f"ocds-{n}", date=f"2026-05-0{day}", title=f"{n} on {day}", description=text) for n in range(10)
        ]
    return found[number:] + found[:number]


def test_runs_side_by_side_give_what_one_run_gives(
    importer: Importer, other: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.ingest.batches.RELEASES", 7)
    other.run(*releases(0))
    files = [importer.file(*part) for part in (releases(0), releases(25), releases(50), releases(0)[::-1])]
    start = Barrier(len(files))

    def run(number: int) -> ImportSummary:
        start.wait()
        return importer.paths([files[number]])

    with ThreadPoolExecutor(len(files)) as threads:
        summaries = list(threads.map(run, range(len(files))))
    assert [summary.refused for summary in summaries] == [[], [], [], []]
    assert sum(summary.created for summary in summaries) == 10
    assert importer.content() == other.content()
    assert len(importer.notices(include_deleted=True)) == 80


def between(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object], *, of: object = known_rows) -> None:
    """Let ``act`` happen once, right before the import asks ``known_rows.<name>``."""
    original = getattr(of, name)
    pending = [act]

    def asked(session: TenantSession, *arguments: object) -> object:
        if pending:
            pending.pop()()
        return original(session, *arguments)

    monkeypatch.setattr(of, name, asked)


# On SQLite the import holds the database's lock from its first question on: nothing can come in between.


on_postgresql = pytest.mark.parametrize("importer", ["postgresql"], indirect=True)


@on_postgresql
def test_a_tender_that_somebody_creates_meanwhile_is_filled(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create() -> None:
        with importer.db.get_session(organization_id=importer.organization_id) as session:
            TenderRepository(session).create(title="Ours", external_id=BRIDGE)

    between(monkeypatch, "_tender", create, of=writing)
    assert counts(importer.run(release(title="Bridge", description="Two spans"))) == (0, 1, 0, 0)
    assert (importer.tender().title, importer.tender().description) == ("Ours", "Two spans")


@on_postgresql
def test_an_organization_is_not_deleted_while_its_tenders_come_in(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete() -> None:
        limits = TimeLimits(lock_timeout_seconds=0.05)
        with (
            pytest.raises(UnavailableError, match="lock_timeout"),
            importer.db.get_session(organization_id=importer.organization_id, time_limits=limits) as session,
        ):
            OrganizationRepository(session).soft_delete(importer.organization_id)
        tried.append(True)

    tried: list[bool] = []
    between(monkeypatch, "_tender", delete, of=writing)
    assert counts(importer.run(release(title="Bridge"))) == (1, 0, 0, 0)
    assert tried
    assert importer.tender().title == "Bridge"


def test_nothing_comes_into_an_organization_that_is_deleted_meanwhile(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete() -> None:
        with importer.db.get_session(organization_id=importer.organization_id) as session:
            OrganizationRepository(session).soft_delete(importer.organization_id)

    between(monkeypatch, "lock_organization", delete)
    with pytest.raises(OrganizationDeletedError):
        importer.run(release(title="Bridge"))
    with importer.db.system_session(actor="test", reason="look") as system:
        theirs = select(Tender).where(col(Tender.organization_id) == importer.organization_id)
        assert system.exec(including_deleted(theirs)).all() == []


@on_postgresql
def test_a_tender_that_somebody_deletes_meanwhile_is_skipped(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer.run(release(title="Bridge"))
    between(monkeypatch, "locked_tenders", importer.delete)
    assert counts(importer.run(release(title="New"), release("ocds-2"))) == (1, 0, 0, 1)
    assert [tender.external_id for tender in importer.tenders()] == ["ocds-2"]
    assert len(importer.notices(include_deleted=True)) == 2


@on_postgresql
def test_an_edit_made_meanwhile_stands(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    importer.run(release(date="2026-05-01", title="Bridge"))
    between(monkeypatch, "locked_tenders", lambda: importer.edit(title="Ours"))
    importer.run(release(date="2026-05-02", title="New", description="Two spans"))
    assert (importer.tender().title, importer.tender().description) == ("Ours", "Two spans")


@on_postgresql
def test_another_runs_notice_that_comes_meanwhile_is_merged_with(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one changes nothing by itself; only after the one between does it have the last word."""
    importer.run(release(date="2026-05-01", title="Bridge"))
    between(monkeypatch, "locked_tenders", lambda: importer.run(release(date="2026-05-02", title="Road")))
    importer.run(release(date="2026-05-03", title="Bridge"))
    assert importer.tender().title == "Bridge"
    assert len(importer.notices()) == 3


@on_postgresql
def test_another_run_waits_while_a_tender_is_merged(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    importer.run(release(date="2026-05-01", title="Bridge"))
    path = importer.file(release(date="2026-05-02", title="Road"))
    another = Thread(target=importer.paths, args=([path],))

    def start() -> None:
        another.start()
        another.join(0.5)
        assert another.is_alive()

    between(monkeypatch, "with_notices", start)
    importer.run(release(date="2026-05-03", title="Bridge"))
    another.join()
    assert importer.tender().title == "Bridge"
    assert len(importer.notices()) == 3


def test_a_batch_with_a_tender_that_changed_under_it_is_stored_again(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them was deleted before it could be locked."""
    importer.run(release("ocds-1", date="2026-05-01"), release("ocds-2", date="2026-05-01"))
    calls: list[int] = []
    original = known_rows.locked_tenders

    def outdated(session: TenantSession, external_ids: Collection[str]) -> dict[int, known_rows.Row]:
        tenders = original(session, external_ids)
        calls.append(len(tenders))
        if len(calls) == 1:
            tenders.popitem()
        return tenders

    monkeypatch.setattr(known_rows, "locked_tenders", outdated)
    later = [release(ocid, date="2026-05-02", title="New") for ocid in ("ocds-1", "ocds-2")]
    assert counts(importer.run(*later)) == (0, 2, 0, 0)
    assert calls == [2, 2]
    assert [tender.title for tender in importer.tenders()] == ["New", "New"]
