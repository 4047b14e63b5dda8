"""The organization that a command works for."""

from collections.abc import Mapping

from sqlalchemy import select

from ..database import Database
from ..errors import ConfigurationError
from ..organizations.model import Organization
from ..organizations.repository import OrganizationRepository


def find_organization(db: Database, slug: str) -> Organization | None:
    """The live organization with this slug, or None."""
    return db.start(lambda session: OrganizationRepository(session).get_by_slug(slug))


def require_organization(db: Database, slug: str) -> Organization:
    """The live organization with this slug. Raises ConfigurationError, which says how to create it."""
    organization = find_organization(db, slug)
    if organization is None:
        raise ConfigurationError(f"there is no organization {slug!r}; --create creates it")
    return organization


def ensure_organization(db: Database, slug: str, *, actor: str) -> tuple[Organization, bool]:
    """The live organization with this slug, and whether it had to be created. One that is there stays as it is."""
    if organization := find_organization(db, slug):
        return organization, False
    with db.get_session(actor=actor) as session:
        return OrganizationRepository(session).create(name=slug.replace("-", " ").title(), slug=slug), True


def slugs_of(db: Database, *, actor: str) -> dict[int, str]:
    """Every organization's slug by its id, deleted ones included."""
    with db.system_session(actor=actor, reason="name the organizations") as system:
        table = Organization.__table__
        return {row.id: row.slug for row in system.connection().execute(select(table.c.id, table.c.slug))}


def one_of(slugs: Mapping[int, str], slug: str) -> int:
    """The organization of this slug. Raises ConfigurationError where there is none, or more than one."""
    found = [organization_id for organization_id, other in slugs.items() if other == slug]
    if len(found) != 1:
        what = "no organization" if not found else f"more than one organization ({', '.join(map(str, found))})"
        raise ConfigurationError(f"there is {what} {slug!r}")
    return found[0]
