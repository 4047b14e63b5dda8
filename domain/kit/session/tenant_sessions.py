"""Sessions of one organization, to which they are bound for their whole life."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from sqlalchemy import Connection, Engine, inspect

from ...errors import ArgumentError, TenantRequiredError, TenantScopeError, UnguardedStatementError
from ..model import OwnedByOrganization
from ..model.tables import is_organization
from ..schema.scope import ORGANIZATION_SETTING
from .actors import checked
from .deleted_organizations import announce_live
from .executing import use_for
from .sessions import DomainSession
from .setting import checked_int, set_local


class TenantSession(DomainSession):
    """A session for one organization, or for none yet.

    It is bound by ``get_session(organization_id=...)`` or by the first repository argument that names an
    organization by its id, and stays bound through commits, rollbacks and errors.
    """

    def __init__(
        self,
        bind: Engine | Connection,
        *,
        organization_id: int | None = None,
        actor: str | None = None,
        request_id: str | None = None,
        unguarded_sql: bool = False,
        admits_deleted: bool = False,
        **options: Any,
    ) -> None:
        self._organization_id = None if organization_id is None else checked_int(organization_id, "organization_id")
        self._admits_deleted = admits_deleted
        self._refuses_deleted = organization_id is not None and not admits_deleted
        self.unguarded_sql = unguarded_sql
        super().__init__(bind, actor=checked("actor", actor), request_id=request_id, **options)

    @property
    def organization_id(self) -> int:
        """The organization that the session is bound to.

        Raises:
            TenantRequiredError: it is bound to none.
        """
        if self._organization_id is None:
            raise TenantRequiredError
        return self._organization_id

    @property
    def is_bound(self) -> bool:
        """True once the session belongs to an organization."""
        return self._organization_id is not None

    def bind_organization(self, organization_id: int, *, admits_deleted: bool = False) -> int:
        """Bind the session, or make sure that it is bound to this one.

        The next statement raises OrganizationDeletedError where the organization is deleted, unless the session
        ``admits_deleted``, in order to restore it.

        Raises:
            TenantScopeError: it is bound to another.
        """
        bound = self._organization_id
        if bound is None:
            self._organization_id = checked_int(organization_id, "organization_id")
            self._refuses_deleted = not (admits_deleted or self._admits_deleted)
            if self.in_transaction():
                self._announce_organization(super().connection())
        elif bound != organization_id:
            raise TenantScopeError(bound=bound, asked=organization_id)
        elif not admits_deleted:
            self.refuse_deleted()
        return organization_id

    def refuse_deleted(self) -> None:
        """Let the next statement raise OrganizationDeletedError where the session's organization is deleted."""
        if not (self._refuses_deleted or self._admits_deleted):
            self._refuses_deleted = True
            if self.in_transaction():
                self._announce_organization(super().connection())

    def begun(self, connection: Connection) -> None:
        """Have the connection hold to the organization, too."""
        use_for(connection, self)
        if self.is_bound:
            self._announce_organization(connection)
        super().begun(connection)

    def _announce_organization(self, connection: Connection) -> None:
        set_local(connection, ORGANIZATION_SETTING, self.organization_id)
        if self._refuses_deleted:
            announce_live(connection, self.organization_id)

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Raise TenantScopeError for another organization's key, (organization_id, id) on tenant tables.

        Raises:
            ArgumentError: it is no key of the model.
        """
        model = inspect(entity).class_
        if issubclass(model, OwnedByOrganization) or is_organization(model):
            named = _organization_of(model, ident)
            if named != self.organization_id:
                raise TenantScopeError(bound=self.organization_id, asked=named)
            self.refuse_deleted()
        return super().get(entity, ident, **options)

    def connection(self, *args: Any, **options: Any) -> Connection:
        """Raise UnguardedStatementError in a session without ``unguarded_sql``; otherwise SQLAlchemy's own."""
        if not self.unguarded_sql:
            raise UnguardedStatementError("session.connection()")
        return super().connection(*args, **options)

    def bulk_save_objects(self, *_args: object, **_options: object) -> NoReturn:
        """Refused: it flushes without the session's checks."""
        raise UnguardedStatementError("bulk_save_objects")

    def bulk_insert_mappings(self, *_args: object, **_options: object) -> NoReturn:
        """Refused: it inserts without the session's checks."""
        raise UnguardedStatementError("bulk_insert_mappings")

    def bulk_update_mappings(self, *_args: object, **_options: object) -> NoReturn:
        """Refused: it updates without the session's checks."""
        raise UnguardedStatementError("bulk_update_mappings")


def _organization_of(model: type[Any], ident: object) -> int:
    names: list[str] = model.__table__.primary_key.columns.keys()
    key: list[Any] = [ident]
    if isinstance(ident, Mapping):
        key = [cast(Mapping[str, Any], ident).get(name) for name in names]
    elif isinstance(ident, Sequence) and not isinstance(ident, str):
        key = list(ident)  # pyright: ignore[reportUnknownArgumentType]  # it is compared, whatever it holds
    if len(key) != len(names) or None in key:
        raise ArgumentError(f"the key of {model.__name__} is ({', '.join(names)}), not {ident!r}")
    organization_id: int = key[0]
    return organization_id
