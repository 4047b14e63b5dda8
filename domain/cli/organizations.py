"""The organization that a command works for."""

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


def ensure_organization(
    db: Database, slug: str, *, actor: str, wanted: Organization | None = None
) -> tuple[Organization, bool]:
    """The live organization with this slug, and whether it had to be created. One that is there stays as it is."""
    if organization := find_organization(db, slug):
        return organization, False
    new = wanted or Organization(name=slug.replace("-", " ").title(), slug=slug)
    with db.get_session(actor=actor) as session:
        return OrganizationRepository(session).add(new), True
