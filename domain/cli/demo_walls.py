"""What the demo tries in vain: one organization reaching for the other's data."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlmodel import col

from ..analyses.repository import AnalysisRepository
from ..database import Database
from ..errors import DomainError
from ..tenders.model import Tender, TenderStatus
from ..tenders.repository import TenderRepository
from .demo_story import Chapter


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """``held``: whether the answer was the right one."""

    who: str
    what: str
    answer: str
    held: bool


@dataclass(frozen=True)
class Shared:
    """A notice that both watch: two tenders, one for each, of which neither knows the other."""

    title: str
    ids: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Walls:
    """What stands between two organizations."""

    attempts: list[Attempt]
    refusals: list[Attempt]
    shared: list[Shared]

    @property
    def hold(self) -> bool:
        """Whether every attempt had the right answer."""
        return all(attempt.held for attempt in (*self.attempts, *self.refusals))


def try_walls(db: Database, mine: Chapter, other: Chapter) -> Walls:
    """Let each reach for the other's data in every way there is."""
    return Walls(
        attempts=[*_attempts(db, mine, other), *_attempts(db, other, mine)],
        refusals=_refusals(db, mine, other),
        shared=_shared(db, mine, other),
    )


def _attempts(db: Database, mine: Chapter, other: Chapter) -> list[Attempt]:
    name = mine.company.name
    with db.get_session(organization_id=mine.organization.id) as session:
        count = TenderRepository(session).count()
    tried = [Attempt(who=name, what="count every tender", answer=f"{count} (its own)", held=count == mine.tenders)]
    for foreign in other.newest:
        with db.get_session(organization_id=mine.organization.id) as session:
            tenders = TenderRepository(session)
            found = tenders.get_by_id(foreign.id)
            changed = tenders.update_status(foreign.id, TenderStatus.ERROR)
        theirs = f"tender {foreign.id} of {other.company.name}"
        read = "found" if found else "not found"
        written = "changed" if changed else "no row changed"
        tried += [
            Attempt(who=name, what=f"read {theirs}", answer=read, held=found is None),
            Attempt(who=name, what=f"change {theirs}", answer=written, held=not changed),
        ]
    return tried


def _refusals(db: Database, mine: Chapter, other: Chapter) -> list[Attempt]:
    """What is no honest question raises; the messages are the real ones."""

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

    theirs = f"the tenders of {other.company.name}"
    return [
        _refused(mine, f"asking for {theirs}", count_theirs),
        _refused(mine, "asking in a session that names no organization", count_without_organization),
        *(_refused(mine, f"analysing one of {theirs}", partial(refer_to, t.id)) for t in other.newest),
    ]


def _refused(mine: Chapter, what: str, attempt: Callable[[], None]) -> Attempt:
    try:
        attempt()
    except DomainError as error:
        return Attempt(who=mine.company.name, what=what, answer=f"{type(error).__name__}: {error}", held=True)
    return Attempt(who=mine.company.name, what=what, answer="was answered", held=False)


def _shared(db: Database, mine: Chapter, other: Chapter) -> list[Shared]:
    """The notices that both organizations have, told by the publisher's id."""
    with db.get_session(organization_id=mine.organization.id) as session:
        known = {tender.external_id: tender for tender in TenderRepository(session).find(limit=200)}
    with db.get_session(organization_id=other.organization.id) as session:
        both = TenderRepository(session).find(col(Tender.external_id).in_(known), limit=200)
    pairs = [(known[tender.external_id], tender) for tender in both]
    return [Shared(a.title, (a.id, b.id)) for a, b in sorted(pairs, key=lambda pair: pair[0].id)]
