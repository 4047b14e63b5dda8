"""Sessions, and the organization that a session is bound to for its whole life."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, cast

from sqlalchemy import Connection, Engine, String, bindparam, event, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import ORMExecuteState, SessionTransaction
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import Session, col, select

from ..errors import (
    ArgumentError,
    ConfigurationError,
    DomainError,
    HardDeletionError,
    SessionClosedError,
    TenantRequiredError,
    TenantScopeError,
    UnavailableError,
    UnguardedStatementError,
)
from ..limits import NO_LIMITS, TimeLimits
from ..models import Entity, Organization, OwnedByOrganization, User
from ..models.scope import EMAIL_SETTING, ORGANIZATION_SETTING, SLUG_SETTING
from ..models.tables import ORGANIZATION_ID
from .acting import act_as, checked
from .executing import use_for
from .expired import load_expired
from .options import ADMITS_DELETED, INCLUDE_DELETED, READS, Marked, Wanted, own
from .organizations import announce_live, note_live
from .setting import admit_system, set_local
from .staleness import seen_versions, stale

_BY_SLUG = (
    select(Organization)
    .where(col(Organization.slug) == bindparam("slug", type_=String()), ~col(Organization.is_deleted))
    .execution_options(**{ADMITS_DELETED: True})
)
_BY_EMAIL = select(User).where(col(User.email) == bindparam("email", type_=String()), ~col(User.is_deleted))
# The same before an organization is known.
_BEFORE = Marked(Wanted(before_organization=True))
_ANY_BY_SLUG = own(_BY_SLUG.options(_BEFORE), **{READS: True})
_ANY_BY_EMAIL = own(_BY_EMAIL.options(_BEFORE), **{READS: True})


class DomainSession(Session):
    """What both kinds of session share. Only ``get_session`` and ``system_session`` commit.

    Once it is closed every use raises, and the objects that it held stay readable.
    """

    _organization_id: int | None = None
    is_closed: bool = False
    has_committed = False  # something of its work is stored, and would be done twice if it were repeated

    def __init__(
        self,
        bind: Engine | Connection,
        *,
        actor: str | None = None,
        request_id: str | None = None,
        time_limits: TimeLimits | None = None,
        **options: Any,
    ) -> None:
        self.actor = actor
        self._time_limits = time_limits or NO_LIMITS
        self.request_id: str | None = checked("request_id", request_id)
        self._connection: Connection | None = None  # that of the transaction
        self._announced: set[str] = set()
        super().__init__(bind, expire_on_commit=False, close_resets_only=False, **options)

    def commit(self) -> None:
        """As in SQLAlchemy. Raises SessionClosedError: what a session did before it was closed by hand is gone."""
        _refuse_closed(self)
        super().commit()

    def close(self) -> None:
        """As in SQLAlchemy, for good."""
        super().close()
        self.is_closed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if error is None or (isinstance(error, Exception) and not isinstance(error, UnavailableError)):
            with suppress(DomainError, SQLAlchemyError):  # what the caller has to hear of is the block's own error
                load_expired(self)
        super().__exit__(kind, error, traceback)

    def flush(self, objects: Any = None) -> None:
        """As in SQLAlchemy. Raises StaleVersionError, naming the first object that the database has moved past."""
        seen = seen_versions(self.dirty)
        try:
            super().flush(objects)
        except StaleDataError as error:
            raise stale(self._connection, self.bound_organization_id, seen) from error
        finally:
            while self._announced:
                self._conceal(self._announced.pop())

    def delete(self, instance: object) -> None:
        """As in SQLAlchemy, for tables whose rows are not marked as deleted. Raises HardDeletionError for others."""
        if isinstance(instance, Entity):
            raise HardDeletionError(type(instance).__name__)
        super().delete(instance)

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """As in SQLAlchemy; a deleted row is None, unless the execution option INCLUDE_DELETED asks for it."""
        found = super().get(entity, ident, **options)
        wants_deleted = options.get("execution_options", {}).get(INCLUDE_DELETED)
        hidden = isinstance(found, Entity) and found.is_deleted and not wants_deleted
        return None if hidden else found

    @property
    def bound_organization_id(self) -> int | None:
        """The organization that the session is bound to, if any."""
        return self._organization_id

    def find_organization(self, slug: str) -> Organization | None:
        """The live organization with this slug, without binding the session; a bound one finds its own alone."""
        if (own_id := self.bound_organization_id) is not None:
            return self.exec(_BY_SLUG.where(col(Organization.id) == own_id), params={"slug": slug}).one_or_none()
        with self.announced(SLUG_SETTING, slug):
            found = self.exec(_ANY_BY_SLUG, params={"slug": slug}).one_or_none()
        if found is not None:
            note_live(super().connection(), found.id)
        return found

    def find_login(self, email: str) -> User | None:
        """The live user with this email, without binding the session; a bound one finds its organization's alone."""
        address = email.strip().lower()
        if (own_id := self.bound_organization_id) is not None:
            theirs = _BY_EMAIL.where(col(User.organization_id) == own_id)
            return self.exec(theirs, params={"email": address}).one_or_none()
        with self.announced(EMAIL_SETTING, address):
            return self.exec(_ANY_BY_EMAIL, params={"email": address}).one_or_none()

    def announce(self, setting: str, value: str) -> None:
        """Let row level security know which row is made, until the flush ends."""
        self._announced.add(setting)
        set_local(super().connection(), setting, value)

    @contextmanager
    def announced(self, setting: str, value: str) -> Generator[None]:
        """Let row level security know which row is looked up or made, for the block alone."""
        self.flush()  # or the block's first statement would, with a key of its own
        set_local(super().connection(), setting, value)
        try:
            yield
        finally:
            self._conceal(setting)

    def _conceal(self, setting: str) -> None:
        """Have row level security forget the setting, in the message of the next statement."""
        connection = self._connection
        if connection is not None and not (connection.closed or connection.invalidated):
            set_local(connection, setting, "")


@event.listens_for(DomainSession, "before_attach", propagate=True)
def _refuse_closed(session: DomainSession, _entity: object = None) -> None:
    if session.is_closed:
        raise SessionClosedError


@event.listens_for(DomainSession, "do_orm_execute", propagate=True)
def _refuse_statement(state: ORMExecuteState) -> None:
    assert isinstance(state.session, DomainSession)
    _refuse_closed(state.session)


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
        admits_deleted: bool = False,
        **options: Any,
    ) -> None:
        self._organization_id = organization_id
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
        """Whether the session belongs to an organization by now."""
        return self._organization_id is not None

    def bind_organization(self, organization_id: int, *, admits_deleted: bool = False) -> int:
        """Bind the session, or make sure that it is bound to this one.

        The next statement raises OrganizationDeletedError where the organization is deleted, unless the session
        ``admits_deleted``, as one does that is to restore it.

        Raises:
            TenantScopeError: it is bound to another.
        """
        bound = self._organization_id
        if bound is None:
            self._organization_id = organization_id
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

    def _announce_organization(self, connection: Connection) -> None:
        set_local(connection, ORGANIZATION_SETTING, self.organization_id)
        if self._refuses_deleted:
            announce_live(connection, self.organization_id)

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """As in SQLAlchemy; tenant tables are keyed by (organization_id, id). Raises TenantScopeError."""
        model = inspect(entity).class_
        if issubclass(model, OwnedByOrganization | Organization):
            named = ident if issubclass(model, Organization) else _organization_of(ident)
            if named != self.organization_id:
                raise TenantScopeError(bound=self.organization_id, asked=named)
            self.refuse_deleted()
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


def _organization_of(ident: object) -> int:
    if isinstance(ident, Mapping):
        return cast(Mapping[str, int], ident)[ORGANIZATION_ID]
    return cast(Sequence[int], ident)[0]


@event.listens_for(DomainSession, "after_begin", propagate=True)
def _after_begin(session: DomainSession, _transaction: SessionTransaction, connection: Connection) -> None:
    session._connection = connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own module's
    if connection.get_execution_options().get("schema_translate_map"):
        raise ConfigurationError("policies and triggers hold one schema: name it in the login's search_path instead")
    use_for(connection, session if isinstance(session, TenantSession) else None)
    if isinstance(session, TenantSession) and session.is_bound:
        session._announce_organization(connection)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # as above
    elif isinstance(session, SystemSession):
        admit_system(connection)
    for name, milliseconds in session._time_limits.settings():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # as above
        set_local(connection, name, milliseconds)
    act_as(connection, session.actor, session.request_id)


class SystemSession(DomainSession):
    """A session across organizations; its opening is on record (see ``Database.system_session``)."""

    _is_lent = False  # to one organization

    @contextmanager
    def as_organization(self, organization_id: int) -> Generator[TenantSession]:
        """A session bound to one organization, inside this one's transaction; an error undoes its part only.

        Until it ends PostgreSQL shows this session nothing else either. Raises ArgumentError inside another's block.
        """
        if self._is_lent:
            raise ArgumentError("as_organization(...) ends before the next one begins: one organization at a time")
        self.flush()
        session = TenantSession(
            self.connection(),
            organization_id=organization_id,
            actor=self.actor,
            request_id=self.request_id,
            admits_deleted=True,
            join_transaction_mode="create_savepoint",
        )
        self._is_lent = True
        try:
            with session:
                yield session
                session.commit()
        finally:
            use_for(self.connection(), None)
            self._is_lent = False
            self._conceal(ORGANIZATION_SETTING)  # the rest of the transaction belongs to nobody
