"""The organization that a command works for."""

from ..database import Database
from ..errors import ConfigurationError
from ..organizations.model import Organization, SubscriptionTier
from ..organizations.repository import OrganizationRepository


def find_organization(db: Database, slug: str) -> Organization | None:
    """The live organization with this slug, or None."""
    with db.get_session() as session:
        return OrganizationRepository(session).get_by_slug(slug)


def require_organization(db: Database, slug: str) -> Organization:
    """The live organization with this slug. Raises ConfigurationError, which says how to create it."""
    organization = find_organization(db, slug)
    if organization is None:
        raise ConfigurationError(f"there is no organization {slug!r}; --create creates it")
    return organization


def ensure_organization(
    db: Database,
    slug: str,
    *,
    actor: str,
    name: str | None = None,
    tier: SubscriptionTier = SubscriptionTier.FREE,
    monthly_analysis_limit: int = 100,
) -> tuple[Organization, bool]:
    """The live organization with this slug, and whether it had to be created. One that is there stays as it is."""
    organization = find_organization(db, slug)
    if organization is not None:
        return organization, False
    with db.get_session(actor=actor) as session:
        created = OrganizationRepository(session).create(
            name=name or slug.replace("-", " ").title(),
            slug=slug,
            subscription_tier=tier,
            monthly_analysis_limit=monthly_analysis_limit,
        )
    return created, True
