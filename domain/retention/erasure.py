"""Erasing a person: the business record stays, who they were does not."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, select, update

from ..database import Database
from ..errors import ArgumentError, LegalHoldError, NotFoundError
from ..kit.schema.known_tables import known_graph
from ..kit.session import SystemSession
from ..limits import BULK
from ..users.model import User
from ..users.repository import UserRepository
from .batches import execute
from .mentions import USERS, Person, addresses_of, clear_mentions
from .schema import ORGANIZATIONS

ERASED = "erased"


def erase_user(
    db: Database,
    *,
    organization_id: int,
    user_id: int,
    actor: str,
    reason: str,
    former_addresses: Collection[str] = (),
) -> None:
    """Replace who a user was wherever that is kept by design; the row stays, deleted for good: the login ends.

    Id, role, organization and times stay. The name and the address go from the row and from what the audit trail tells
    of it. Columns that say who did something, those of the system's records too, lose the addresses that the user has
    had, where they are the whole value, and no other live user has them now. What people wrote (a bid, a reason, a
    request's id) is not searched. Erasing somebody again changes nothing but the version.

    The trail tells which addresses they had. ``former_addresses``: those from before the organization moved here, which
    it doesn't know.

    Raises:
        ArgumentError: one of the ``former_addresses`` is none.
        NotFoundError: the organization has no user of this id, deleted ones included.
        LegalHoldError: the organization is under a legal hold.
        ConfigurationError: on PostgreSQL without SYSTEM_DATABASE_URL.
    """
    if isinstance(former_addresses, str) or not all("@" in address for address in former_addresses):
        raise ArgumentError("former_addresses are e-mail addresses: each has an @")
    with db.system_session(actor=actor, reason=reason, time_limits=BULK) as system:
        is_deleted = _locked(system, organization_id, user_id)
        tables = known_graph(system.connection()).order
        person = Person(organization_id, user_id, addresses_of(system, organization_id, user_id, former_addresses))
        if not is_deleted:
            with system.as_organization(organization_id) as session:
                UserRepository(session).soft_delete(user_id)
        neutral = {
            "email": f"{person.pseudonym}@erased.invalid",
            "full_name": ERASED,
            "hashed_password": ERASED,  # of no algorithm: nothing matches it
            "is_active": False,
            "deletion_id": None,  # it can't be restored
            "version": USERS.c.version + 1,
        }
        execute(system, update(USERS).where(_this(organization_id, user_id)).values(neutral))
        clear_mentions(system, tables, person)


def _this(organization_id: int, user_id: int) -> ColumnElement[bool]:
    return and_(USERS.c.organization_id == organization_id, USERS.c.id == user_id)


def _locked(system: SystemSession, organization_id: int, user_id: int) -> bool:
    """Lock the user's row; whether it is deleted already."""
    held = select(ORGANIZATIONS.c.legal_hold).where(ORGANIZATIONS.c.id == organization_id)
    if system.connection().scalar(held.with_for_update(read=True)):
        raise LegalHoldError(organization_id)
    user = select(USERS.c.is_deleted).where(_this(organization_id, user_id))
    found: bool | None = system.connection().scalar(user.with_for_update())
    if found is None:
        raise NotFoundError(User, user_id)
    return found
