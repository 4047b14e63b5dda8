"""``import_paths``: transactions, what is tried again, and what is refused."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeAlias

from ..database import Database
from ..errors import ConflictError, ConstraintError, UnavailableError
from ..kit.session import TenantSession
from ..limits import BULK
from ..organizations.repository import OrganizationRepository
from .batches import PreparedRelease
from .items import Refusal
from .reading_ahead import read_batches
from .tally import ImportSummary, Outcome, Tally
from .writing import store

Unit: TypeAlias = Callable[[], AbstractContextManager[TenantSession]]
"""Opens the session in which a batch is written: one that commits, or that of the whole run."""


def import_paths(
    db: Database,
    paths: Sequence[Path],
    *,
    organization_id: int,
    strict: bool = False,
    actor: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportSummary:
    """Import OCDS files, and folders of them, for one organization.

    Each release is kept as a notice, and its tender is merged from all of them: the order of files and runs does
    not matter, and a second run changes nothing. Of a tender only the content is written, and no field that a
    person has changed (``changes.py`` says how that is known); what a person deleted stays deleted.

    Each batch of up to a thousand releases is a transaction: a run that breaks off keeps what it has, and the next one
    completes it. What can't go in is refused, and the rest goes on. Imports may run side by side: one that meets
    what another wrote meanwhile does its batch again. A ``strict`` run is one transaction, which the first refusal
    undoes; on SQLite nobody else can write meanwhile. ``progress`` is told the releases so far.

    Raises:
        NotFoundError: there is no such live organization.
        ImportStoppedError: ``strict``, and something was refused.
        UnavailableError: the database can't be reached, or is too busy.
        ReadingStoppedError: the process in which large files are read ended too early.
    """
    open_session = partial(db.get_session, organization_id=organization_id, actor=actor, time_limits=BULK)
    with open_session() as session:
        OrganizationRepository(session).require(organization_id)
    tally = Tally(strict=strict)
    with ExitStack() as run:
        whole = run.enter_context(open_session()) if strict else None

        def unit() -> AbstractContextManager[TenantSession]:
            return open_session() if whole is None else nullcontext(whole)

        reading = run.enter_context(closing(read_batches(paths)))
        for batch in reading:
            tally.read(batch)
            if batch.releases:
                _store(unit, batch.releases, tally)
                if progress is not None:
                    progress(tally.summary.releases)
    return tally.summary


def _store(unit: Unit, releases: Sequence[PreparedRelease], tally: Tally) -> None:
    """Store the releases; where that fails, half of them at a time, to refuse the bad ones alone."""
    try:
        tally.count(_tried_twice(unit, releases))
        return
    except (ConflictError, ConstraintError) as error:
        reason = str(error)
    if len(releases) == 1:
        tally.refuse(Refusal(releases[0].rest.place, reason))
        return
    middle = len(releases) // 2
    _store(unit, releases[:middle], tally)
    _store(unit, releases[middle:], tally)


def _tried_twice(unit: Unit, batch: Sequence[PreparedRelease]) -> Outcome:
    """Once more where somebody else wrote the same tenders meanwhile: by then their work can be seen."""
    try:
        return _in_savepoint(unit, batch)
    except (ConflictError, UnavailableError) as error:
        if isinstance(error, UnavailableError) and not error.retryable:
            raise
    return _in_savepoint(unit, batch)


def _in_savepoint(unit: Unit, batch: Sequence[PreparedRelease]) -> Outcome:
    with unit() as session:
        try:
            # The first statement: on SQLite it takes the lock that reading before writing needs.
            with session.begin_nested():
                return store(session, batch)
        finally:
            session.expunge_all()
