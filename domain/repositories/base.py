"""The generic repositories, parameterized by model type."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from ..models import TenantEntity
from ..tenancy import TenantSession
from .bulk import BulkWrites
from .statements import ModelT

P = ParamSpec("P")
SelfT = TypeVar("SelfT")
EntityT = TypeVar("EntityT")
TenantT = TypeVar("TenantT", bound=TenantEntity)


class Repository(BulkWrites[ModelT]):
    """CRUD, soft delete, pages and bulk writes for a model that belongs to no organization.

    A subclass names its model::

        class CurrencyRepository(Repository[Currency]):
            model = Currency
    """


class TenantRepository(Repository[TenantT]):
    """The same for an organization's data: every SELECT, UPDATE and DELETE carries organization_id.

    The organization is the session's; ``org_id`` names it where the session is bound to none yet.
    """

    def __init__(self, session: TenantSession) -> None:
        super().__init__(session)


def constructor(
    model: Callable[P, EntityT],
) -> Callable[[Callable[[SelfT, EntityT], EntityT]], Callable[Concatenate[SelfT, P], EntityT]]:
    """Give ``method(self, entity)`` the keywords of the model's constructor, typed::

    @constructor(Tender)
    def create(self, entity: Tender) -> Tender:
        return self.add(entity)
    """

    def decorate(method: Callable[[SelfT, EntityT], EntityT]) -> Callable[Concatenate[SelfT, P], EntityT]:
        @wraps(method)
        def create(self: SelfT, /, *args: P.args, **fields: P.kwargs) -> EntityT:
            return method(self, model(*args, **fields))

        return create

    return decorate
