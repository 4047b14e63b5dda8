"""The demo's vain attempts: one organization reaches for the other's data."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from sqlmodel import col

from ..analyses.repository import AnalysisRepository
from ..database import Database
from ..errors import DomainError
from ..tenders.model import Tender, TenderStatus
from ..tenders.repository import TenderRepository
from .demo_story import Customer


class Attempt(NamedTuple):
    """``held``: whether the answer was the right one."""

    who: str
    what: str
    answer: str
    held: bool


def questions(db: Database, mine: Customer, other: Customer) -> Iterator[Attempt]:
    """Honest ones, which have an answer."""
    name = mine.name
    with db.get_session(organization_id=mine.organization.id) as session:
        tenders = TenderRepository(session)
        count, own = tenders.count(), sum(tenders.count_by_status().values())
    yield Attempt(name, "count every tender", f"{count} (its own)", held=count == own)
    for foreign_id in _newest(db, other):
        with db.get_session(organization_id=mine.organization.id) as session:
            tenders = TenderRepository(session)
            found = tenders.get_by_id(foreign_id)
            changed = tenders.update_status(foreign_id, TenderStatus.ERROR)
        theirs = f"tender {foreign_id} of {other.name}"
        yield Attempt(name, f"read {theirs}", "found" if found else "not found", held=found is None)
        yield Attempt(name, f"change {theirs}", "changed" if changed else "no row changed", held=not changed)


def refusals(db: Database, mine: Customer, other: Customer) -> Iterator[Attempt]:
    """Dishonest ones, which raise; the messages are the real ones."""

    def count_theirs() -> None:
        with db.get_session(organization_id=mine.organization.id) as session:
            TenderRepository(session).count(org_id=other.organization.id)

    def count_without_organization() -> None:
        with db.get_session() as session:
            TenderRepository(session).count()

    def refer_to(tender_id: int) -> None:
        with db.get_session(organization_id=mine.organization.id) as session:
            AnalysisRepository(session).create(tender_id=tender_id, is_relevant=True, confidence=1.0)
            session.rollback()  # it should not have come to this

    theirs = f"the tenders of {other.name}"
    yield _refused(mine, f"asking for {theirs}", count_theirs)
    yield _refused(mine, "asking in a session that names no organization", count_without_organization)
    for foreign_id in _newest(db, other):
        yield _refused(mine, f"analysing one of {theirs}", partial(refer_to, foreign_id))


def shared(db: Database, mine: Customer, other: Customer) -> list[tuple[Tender, Tender]]:
    """The notices that both organizations have, told by the publisher's id: two tenders, one for each."""
    with db.get_session(organization_id=mine.organization.id) as session:
        known = {tender.external_id: tender for tender in TenderRepository(session).find(limit=200)}
    with db.get_session(organization_id=other.organization.id) as session:
        both = TenderRepository(session).find(col(Tender.external_id).in_(known), limit=200)
    pairs = [(known[tender.external_id], tender) for tender in both]
    return sorted(pairs, key=lambda pair: pair[0].id)


def _newest(db: Database, customer: Customer) -> list[int]:
    """The id of one tender, or of none, as its own session sees it."""
    with db.get_session(organization_id=customer.organization.id) as session:
        return [tender.id for tender in TenderRepository(session).find(limit=1)]


def _refused(mine: Customer, what: str, attempt: Callable[[], None]) -> Attempt:
    try:
        attempt()
    except DomainError as error:
        return Attempt(mine.name, what, f"{type(error).__name__}: {error}", held=True)
    return Attempt(mine.name, what, "was answered", held=False)
