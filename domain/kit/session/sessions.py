"""The base of sessions of an organization and of the system."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, bindparam, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from ...errors import ConfigurationError, DomainError, HardDeletionError, UnavailableError
from ...limits import NO_LIMITS, TimeLimits
from ..model import Entity
from ..model.tables import is_organization, of_organization
from ..private import ClosableSession
from .actors import act_as, checked
from .deleted_organizations import forget_live, note_live
from .expired import load_expired
from .in_place import flag_changed, note_json
from .options import ADMITS_DELETED, INCLUDE_DELETED, READS, Marked, Wanted, own
from .setting import READ_ONLY_SETTING, driver_of, is_storable_text, set_local
from .staleness import seen_versions, stale

EntityT = TypeVar("EntityT", bound=Entity)

_VALUE = "look_up_value"
_BEFORE = Marked(Wanted(before_organization=True))


class DomainSession(ClosableSession, Session):
    """The base of both kinds of session. Callers leave the commit to the block that opened it.

    Once it is closed every use raises, and the objects that it held stay readable.
    """

    _organization_id: int | None = None
    has_committed = False  # something of its work is stored, and would be done twice if it were repeated
    on_commit: Callable[[int | None, float], object] | None = None
    """Takes the organization, and the position in PostgreSQL's log, after each commit."""

    def __init__(
        self,
        bind: Engine | Connection,
        *,
        actor: str | None = None,
        request_id: str | None = None,
        time_limits: TimeLimits | None = None,
        reads_only: bool = False,
        **options: Any,
    ) -> None:
        self.actor = actor
        self.reads_only = reads_only
        self._time_limits = time_limits or NO_LIMITS
        self.request_id: str | None = checked("request_id", request_id)
        self._connection: Connection | None = None  # that of the transaction
        self._announced: set[str] = set()
        self.deleting: set[int] = set()  # organizations, in this transaction
        super().__init__(bind, expire_on_commit=False, close_resets_only=False, **options)

    def commit(self) -> None:
        """Raise SessionClosedError after a close by hand, which dropped the work; otherwise SQLAlchemy's own."""
        flag_changed(self)  # or SQLAlchemy, which knows of no change, would not flush
        super().commit()

    def close(self) -> None:
        """Close the session for good."""
        super().close()
        self.is_closed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if error is None or (isinstance(error, Exception) and not isinstance(error, UnavailableError)):
            with suppress(DomainError, SQLAlchemyError):  # what the caller has to hear of is the block's own error
                load_expired(self)
        super().__exit__(kind, error, traceback)

    def flush(self, objects: Any = None) -> None:
        """Raise StaleVersionError for the first object that the database has moved past; else SQLAlchemy's own.

        Before a flush, in this order: ``flag_changed``, ``seen_versions``, ``guard._check_flush``,
        ``guard._refuse_changes``, and ``repository.references``. One new row may go past it: ``writing.insert_one``.
        """
        flag_changed(self)
        seen = seen_versions(self.dirty)
        try:
            super().flush(objects)
        except StaleDataError as error:
            raise stale(self._connection, self.bound_organization_id, seen, self.begun) from error
        finally:
            while self._announced:
                self._conceal(self._announced.pop())

    def delete(self, instance: object) -> None:
        """Raise HardDeletionError for rows that are deleted softly; otherwise SQLAlchemy's own."""
        if isinstance(instance, Entity):
            raise HardDeletionError(type(instance).__name__)
        super().delete(instance)

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Find no deleted row without the execution option INCLUDE_DELETED; otherwise SQLAlchemy's own."""
        found = super().get(entity, ident, **options)
        wants_deleted = options.get("execution_options", {}).get(INCLUDE_DELETED)
        hidden = isinstance(found, Entity) and found.is_deleted and not wants_deleted
        return None if hidden else found

    @property
    def bound_organization_id(self) -> int | None:
        """The organization that the session is bound to, if any."""
        return self._organization_id

    def look_up(self, model: type[EntityT], column: str, value: str) -> EntityT | None:
        """Find the live row with the value in a column that its table declares for look-ups, whatever its organization.

        It does not bind the session; a bound one finds its own organization's row alone. A text that no column can
        hold finds none.

        Raises:
            ArgumentError: the value is no text.
        """
        if not is_storable_text(value, column):
            return None
        table, statement, params = model.__table__, _by_value(cast(Any, model), column), {_VALUE: value}
        if (bound := self.bound_organization_id) is not None:
            return self.exec(statement.where(of_organization(model, bound)), params=params).one_or_none()
        with self.announced(table.info["lookups"][column], value):
            found = self.exec(own(statement.options(_BEFORE), **{READS: True}), params=params).one_or_none()
        if found is not None and is_organization(model):
            note_live(super().connection(), found.id)
        return found

    def announce(self, setting: str, value: str) -> None:
        """Let row level security know which row is made, until the flush ends."""
        self._announced.add(setting)
        set_local(super().connection(), setting, value)

    @contextmanager
    def announced(self, setting: str, value: str) -> Generator[None]:
        """Let row level security know which row is looked up or made, for the block alone."""
        self.flush()  # or the block's first statement would, and announce a key of its own
        set_local(super().connection(), setting, value)
        try:
            yield
        finally:
            self._conceal(setting)

    def look_again_at(self, *organization_ids: int) -> None:
        """Have sessions look at organizations that this one deletes: now, and once its transaction has ended."""
        self.deleting.update(organization_ids)
        for organization_id in organization_ids:
            forget_live(organization_id)

    def ended(self) -> None:
        """Have them look again, unless this session was lent the transaction of another, which goes on."""
        if self._connection is None or not self._connection.in_transaction():
            self.look_again_at(*self.deleting)
            self.deleting.clear()

    def begun(self, connection: Connection) -> None:
        """Tell the connection, at the begin of its transaction, whose work it is."""
        for name, milliseconds in self._time_limits.settings.items():
            set_local(connection, name, milliseconds)
        if self.reads_only:
            set_local(connection, READ_ONLY_SETTING, "on")
        if (on_commit := self.on_commit) is not None:  # by then the session may be bound
            driver_of(connection).report_commit(lambda position: on_commit(self.bound_organization_id, position))
        act_as(connection, self.actor, self.request_id)

    def _conceal(self, setting: str) -> None:
        """Have row level security forget the setting, in the message of the next statement."""
        connection = self._connection
        if connection is not None and not (connection.closed or connection.invalidated):
            set_local(connection, setting, "")


@cache
def _by_value(model: Any, column: str) -> SelectOfScalar[Any]:
    is_equal = model.__table__.c[column] == bindparam(_VALUE)
    found = select(model).where(is_equal, ~col(model.is_deleted))
    return found.execution_options(**{ADMITS_DELETED: is_organization(model)})


@event.listens_for(DomainSession, "pending_to_persistent", propagate=True)
def _after_insert(session: DomainSession, entity: object) -> None:
    note_json(session, entity)


@event.listens_for(DomainSession, "after_commit")
def _after_commit(session: DomainSession) -> None:
    if not session.in_nested_transaction():
        session.has_committed = True


@event.listens_for(DomainSession, "after_transaction_end")
def _after_transaction_end(session: DomainSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # not at a savepoint's end: until the commit others see the organization live
        session.ended()


@event.listens_for(DomainSession, "after_begin", propagate=True)
def _after_begin(session: DomainSession, _transaction: SessionTransaction, connection: Connection) -> None:
    session._connection = connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own module's
    if connection.get_execution_options().get("schema_translate_map"):
        raise ConfigurationError("policies and triggers hold one schema: name it in the login's search_path instead")
    session.begun(connection)
