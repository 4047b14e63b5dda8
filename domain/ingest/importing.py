"""``import_paths``: transactions, what is tried again, and what is refused."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

from ..database import Database
from ..errors import ConflictError, ConstraintError, UnavailableError
from ..repositories import OrganizationRepository
from ..tenancy import TenantSession
from .batches import batches
from .items import Refusal, Release
from .store import store
from .summary import ImportSummary
from .tally import Outcome, Tally


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

    Each batch of some hundred releases is a transaction: a run that breaks off keeps what it has, and the next one
    completes it. What can't go in is refused, and the rest goes on. A ``strict`` run is one transaction, which the
    first refusal undoes; on SQLite nobody else can write meanwhile. ``progress`` is told the releases so far.

    Raises:
        NotFoundError: there is no such live organization.
        ImportStoppedError: ``strict``, and something was refused.
        UnavailableError: the database can't be reached, or is too busy.
    """
    open_session = partial(db.get_session, organization_id=organization_id, actor=actor)
    with open_session() as session:
        OrganizationRepository(session).require(organization_id)
    tally = Tally(strict=strict)
    with ExitStack() as run:
        whole = run.enter_context(open_session()) if strict else None
        for batch in batches(paths, tally=tally, dialect=db.engine.dialect):
            with nullcontext(whole) if whole else open_session() as session:
                tally.count(_stored(session, batch))
            if progress is not None:
                progress(tally.summary.releases)
    return tally.summary


def _stored(session: TenantSession, batch: Sequence[Release]) -> Outcome:
    """Store the batch; where that fails, its releases one by one, to refuse the bad ones alone."""
    try:
        return _tried_twice(session, batch)
    except (ConflictError, ConstraintError):
        outcome = Outcome()
    for release in batch:
        try:
            outcome.add(_tried_twice(session, [release]))
        except (ConflictError, ConstraintError) as error:
            outcome.refused.append(Refusal(release.place, str(error)))
    return outcome


def _tried_twice(session: TenantSession, batch: Sequence[Release]) -> Outcome:
    """Once more where somebody else wrote the same tenders meanwhile: by then their work can be seen."""
    try:
        return _in_savepoint(session, batch)
    except ConflictError:
        pass
    except UnavailableError as error:
        if not error.retryable:
            raise
    return _in_savepoint(session, batch)


def _in_savepoint(session: TenantSession, batch: Sequence[Release]) -> Outcome:
    try:
        # The savepoint is the first statement: on SQLite it takes the lock that the reading before a write needs.
        with session.begin_nested():
            return store(session, batch)
    finally:
        session.expunge_all()
