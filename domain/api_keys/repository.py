"""API keys: issued, listed and deleted; ``Database.find_api_key`` finds whose one is."""

from secrets import token_urlsafe

from ..kit.repository import TenantRepository
from ..users.model import UserRole
from .model import ApiKey, ApiKeyPublic, IssuedApiKey, digest_of


class ApiKeyRepository(TenantRepository[ApiKey]):
    """The API keys of one organization."""

    model = ApiKey

    def issue(self, name: str, role: UserRole = UserRole.MEMBER, org_id: int | None = None) -> IssuedApiKey:
        """Insert a new key, and return it with the key itself, of which the hash alone is stored."""
        key = token_urlsafe(32)
        stored = self.add(ApiKey(name=name, role=role, digest=digest_of(key)), org_id=org_id)
        return IssuedApiKey(**ApiKeyPublic.model_validate(stored).model_dump(), key=key)
