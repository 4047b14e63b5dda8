"""Argument types for the organization and the actor, which FastAPI refuses to take from a request."""

from typing import Annotated, NoReturn, TypedDict

from ...errors import ConfigurationError


class _FromTheApplication:
    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> NoReturn:
        """Called by pydantic where a function with such an argument becomes a dependency, or the argument a field."""
        raise ConfigurationError(
            "this is no dependency: FastAPI would let each client name the organization, or who acts, in the query;"
            " write one that returns db.tenant(user.organization_id, actor=...), and open sessions in the endpoint"
        )


OrganizationId = Annotated[int, _FromTheApplication()]
Actor = Annotated[str, _FromTheApplication()]


class Names(TypedDict, total=False):
    """The actor and the request, for the audit trail."""

    actor: str | None
    request_id: str | None


class UnitOptions(Names, total=False):
    """Options of ``Database.run``: ``attempts`` are 3 unless given."""

    attempts: int
