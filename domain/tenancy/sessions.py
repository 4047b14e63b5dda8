"""Sessions, and the organization that a session is bound to for its whole life."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, cast

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import Session, col, select

from ..errors import ConflictError, StaleVersionError, TenantRequiredError, TenantScopeError, UnguardedStatementError
from ..models import Entity, Organization, OwnedByOrganization, User
from ..models.policies import EMAIL_SETTING, ORGANIZATION_SETTING, SLUG_SETTING
from ..models.tables import TENANT
from .acting import act_as, checked
from .setting import put

TRUSTED = "domain_trusted"  # execution option of statements that carry their organization, or look up one row
READS = "domain_reads"  # of statements that only read, and may be sent outside a transaction before the first write


class DomainSession(Session):
    """What both kinds of session share. Only ``get_session`` and ``system_session`` commit."""

    has_committed = False  # something of its work is stored, and would be done twice if it were repeated

    def __init__(
        self, bind: Engine | Connection, *, actor: str | None = None, request_id: str | None = None, **options: Any
    ) -> None:
        self.actor = actor
        self.request_id = checked("request_id", request_id)
        super().__init__(bind, expire_on_commit=False, **options)

    def flush(self, objects: Any = None) -> None:
        # From vars: an expired attribute would be loaded, which flushes.
        seen = [
            (type(e).__name__, vars(e).get("id"), vars(e).get("version")) for e in self.dirty if isinstance(e, Entity)
        ]
        try:
            super().flush(objects)
        except StaleDataError as error:
            if len(seen) != 1:
                raise ConflictError("a row has changed or gone since it was read; read it again") from error
            entity, entity_id, version = seen[0]
            raise StaleVersionError(entity, entity_id, seen=version, current=None) from error

    def find_organization(self, slug: str) -> Organization | None:
        """The live organization with this slug, without binding the session."""
        self.announce(SLUG_SETTING, slug)
        statement = select(Organization).where(col(Organization.slug) == slug, ~col(Organization.is_deleted))
        return self.exec(statement, execution_options={TRUSTED: True, READS: True}).one_or_none()

    def find_login(self, email: str) -> User | None:
        """The live user with this email, without binding the session."""
        address = email.strip().lower()
        self.announce(EMAIL_SETTING, address)
        statement = select(User).where(col(User.email) == address, ~col(User.is_deleted))
        return self.exec(statement, execution_options={TRUSTED: True, READS: True}).one_or_none()

    def announce(self, setting: str, value: int | str) -> None:
        """Let row level security know which row is looked up or made, until the transaction ends."""
        put(super().connection(), setting, value)


@event.listens_for(DomainSession, "after_commit")
def _after_commit(session: DomainSession) -> None:
    if not session.in_nested_transaction():
        session.has_committed = True


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
        **options: Any,
    ) -> None:
        self._organization_id = organization_id
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
        """Whether the session belongs to an organization by now."""
        return self._organization_id is not None

    def bind_organization(self, organization_id: int) -> int:
        """Bind the session, or make sure that it is bound to this one.

        Raises:
            TenantScopeError: it is bound to another.
        """
        bound = self._organization_id
        if bound is None:
            self._organization_id = organization_id
            if self.in_transaction():
                self.announce(ORGANIZATION_SETTING, organization_id)
        elif bound != organization_id:
            raise TenantScopeError(bound=bound, asked=organization_id)
        return organization_id

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """As in SQLAlchemy; tenant tables are keyed by (organization_id, id). Raises TenantScopeError."""
        model = inspect(entity).class_
        if issubclass(model, OwnedByOrganization | Organization):
            named = ident if issubclass(model, Organization) else _owner_of(ident)
            if named != self.organization_id:
                raise TenantScopeError(bound=self.organization_id, asked=named)
            options["execution_options"] = {**options.get("execution_options", {}), TRUSTED: True}
        return super().get(entity, ident, **options)

    def connection(self, *args: Any, **options: Any) -> Connection:
        """As in SQLAlchemy, in a session opened with ``unguarded_sql``. Raises UnguardedStatementError elsewhere."""
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


def _owner_of(ident: object) -> int:
    if isinstance(ident, Mapping):
        return cast(Mapping[str, int], ident)[TENANT]
    return cast(Sequence[int], ident)[0]


@event.listens_for(DomainSession, "after_begin")
def _after_begin(session: DomainSession, _transaction: SessionTransaction, connection: Connection) -> None:
    if isinstance(session, TenantSession) and session.is_bound:
        put(connection, ORGANIZATION_SETTING, session.organization_id)
    act_as(connection, session.actor, session.request_id)


class SystemSession(DomainSession):
    """A session across organizations; its opening is on record (see ``Database.system_session``)."""

    @contextmanager
    def as_organization(self, organization_id: int) -> Generator[TenantSession]:
        """A session bound to one organization, inside this one's transaction; an error undoes its part only."""
        self.flush()
        session = TenantSession(
            self.connection(),
            organization_id=organization_id,
            actor=self.actor,
            request_id=self.request_id,
            join_transaction_mode="create_savepoint",
        )
        with session:
            yield session
            session.commit()
        self.announce(ORGANIZATION_SETTING, "")  # the rest of the transaction belongs to nobody
