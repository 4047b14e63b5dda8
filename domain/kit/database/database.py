"""``Database``: engines, and the sessions that commit."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from inspect import iscoroutinefunction
from typing import Self, TypeVar, Unpack

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ...config import Settings, application_url, bare, environment, named, optional_url, standby_urls
from ...errors import ConfigurationError, DomainError, MisuseError
from ...limits import APPLICATION, NO_LIMITS, SYSTEM, TimeLimits
from ..model import DomainModel, TenantEntity
from ..records import SystemAccess
from ..session import DomainSession, ReadSession, SystemSession, TenantSession, checked
from . import sqlite
from .arguments import Actor, Names, OrganizationId, UnitOptions
from .boundary import committing
from .engines import PoolOptions, make_engine
from .handle import TenantHandle
from .postgresql import KEEPS_LIMITS
from .readiness import Readiness, readiness, refuse_unheld_login
from .replicas import Replicas, quick_to_give_up
from .units import Threads, UnitObserver, repeated

ResultT = TypeVar("ResultT")
TenantT = TypeVar("TenantT", bound=TenantEntity)


class Database:
    """The database, with up to three logins: the application's, the system's and the owner's (migrations).

    URLs not given come from DATABASE_URL, SYSTEM_DATABASE_URL, MIGRATION_DATABASE_URL and READ_DATABASE_URL. Nothing
    is connected until it is used. A context manager: leaving it closes every connection.

    ``read_urls`` are those of standbys, by the application's login, for ``read_session``; one that is more than
    ``max_read_lag_seconds`` behind is passed over.

    Where ``pool_size`` and ``max_overflow`` are not given, DB_POOL_SIZE and DB_MAX_OVERFLOW count, then 20 and 40.
    ``time_limits`` are the application's, over those of DOMAIN_LOCK_TIMEOUT_SECONDS, DOMAIN_STATEMENT_TIMEOUT_SECONDS
    and DOMAIN_IDLE_IN_TRANSACTION_TIMEOUT_SECONDS; ``system_time_limits`` the system's, over DOMAIN_SYSTEM_LOCK_...;
    migrations have none but ``migration_time_limits``. ``pool_timeout`` and ``pool_recycle`` are seconds.

    Raises:
        ConfigurationError: a URL or a setting is missing or wrong.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        system_database_url: str | None = None,
        migration_database_url: str | None = None,
        read_urls: Sequence[str] | None = None,
        max_read_lag_seconds: float = 10.0,
        pool_size: int | None = None,
        max_overflow: int | None = None,
        pool_pre_ping: bool = True,
        pool_recycle: int = 3600,
        pool_timeout: float = 30.0,
        echo: bool = False,
        application_name: str | None = None,
        time_limits: TimeLimits | None = None,
        system_time_limits: TimeLimits | None = None,
        migration_time_limits: TimeLimits | None = None,
    ) -> None:
        settings = environment(pool_size=pool_size, max_overflow=max_overflow)
        options = PoolOptions(
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_pre_ping=pool_pre_ping,
            pool_recycle=pool_recycle,
            pool_timeout=pool_timeout,
            echo=echo,
            application_name=application_name,
        )
        self.pool_limit: int = settings.pool_size + settings.max_overflow
        """How many connections this process may open with the application's login."""
        self.engines: dict[str, Engine] = {}
        """Every engine, by what it is for."""
        self.observer: UnitObserver | None = None
        self._closing = ExitStack()
        self._threads = Threads(self.pool_limit)
        database_url = bare(database_url) or None
        url = application_url(database_url, settings)
        # An argument names the whole deployment: logins from the environment belong to DATABASE_URL.
        given = Settings.model_construct() if database_url else settings
        system_url = optional_url(system_database_url, given.system_database_url, "SYSTEM_DATABASE_URL")
        owner_url = optional_url(migration_database_url, given.migration_database_url, "MIGRATION_DATABASE_URL")
        standbys = standby_urls(read_urls, given.read_database_url)
        is_sqlite = url.get_backend_name() == "sqlite"
        if is_sqlite and standbys:
            raise ConfigurationError("SQLite has no standbys to read from: leave out read_urls and READ_DATABASE_URL")
        if is_sqlite:
            url, remove = sqlite.private_file(url, self)
            if remove is not None:
                self._closing.callback(remove)
        default = NO_LIMITS if is_sqlite else APPLICATION
        limits = (time_limits or NO_LIMITS).over(settings.time_limits()).over(default)
        self.engine: Engine = self._engine("application", make_engine(url, limits, scoped=True, **options))
        self.read_engines: tuple[Engine, ...] = tuple(
            self._engine(f"read {number}", make_engine(quick_to_give_up(standby), limits, scoped=True, **options))
            for number, standby in enumerate(standbys, start=1)
        )
        """Those of the standbys; ``read_session`` decides which of them may be read from."""
        self._replicas = Replicas(self.read_engines, max_read_lag_seconds)
        if settings.env == "production" and not self.is_sqlite:
            for engine in (self.engine, *self.read_engines):
                refuse_unheld_login(engine)
        limits = (system_time_limits or NO_LIMITS).over(settings.time_limits(login="system_")).over(SYSTEM)
        self.system_engine: Engine | None = (
            self._engine("system", make_engine(system_url, limits, scoped=True, **options)) if system_url else None
        )
        """The system's login, where there is one. What goes through it is on no record: see ``system_session``."""
        self.migration_engine: Engine = self.engine
        if owner_url or migration_time_limits or is_sqlite:
            limits = migration_time_limits or NO_LIMITS
            owner = make_engine(owner_url or url, limits, application_name=application_name)
            owner.update_execution_options(**{KEEPS_LIMITS: True})
            self.migration_engine = self._engine("migration", owner)

    def _engine(self, name: str, engine: Engine) -> Engine:
        self.engines[name] = engine
        return engine

    @property
    def is_sqlite(self) -> bool:
        """True for SQLite, the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def get_session(
        self,
        *,
        organization_id: OrganizationId | None = None,
        unguarded_sql: bool = False,
        time_limits: TimeLimits | None = None,
        **names: Unpack[Names],
    ) -> Generator[TenantSession]:
        """A session that commits on success, rolls back on error, and closes.

        Without ``organization_id`` the first repository argument that names an organization binds it.
        ``actor`` and ``request_id`` (1 to 255 characters) stand in the audit trail beside what it writes.
        ``unguarded_sql`` admits text, Core tables and hand-written inserts, and leaves them to row level security.
        ``time_limits`` take the place of the login's on PostgreSQL, for this session.

        Raises:
            ArgumentError: ``actor`` or ``request_id`` is empty or too long.
            ConfigurationError: ``unguarded_sql`` on SQLite, whose scope SQL text can go round.
        """
        if unguarded_sql and self.is_sqlite:
            raise ConfigurationError(
                "unguarded_sql leaves isolation to row level security; SQLite has none: a text could name main.<table>"
            )
        session = TenantSession(
            self.engine,
            organization_id=organization_id,
            unguarded_sql=unguarded_sql,
            time_limits=time_limits,
            **names,
        )
        self._note_commits(session)
        with committing(session, self.observer):
            yield session

    @contextmanager
    def read_session(self, *, organization_id: OrganizationId, **names: Unpack[Names]) -> Generator[ReadSession]:
        """A session that only reads: from a standby, where there are ``read_urls``, or from the primary.

        It shows whatever this process has committed for the organization: a standby that has not got so far yet, is
        too far behind or can't be reached, is passed over. On SQLite it reads from the same file.

        Raises:
            ReadOnlySessionError: in the session, by what would write or lock.
        """
        standby = self._replicas.connect(organization_id)
        with standby or nullcontext():
            bind = self.engine if standby is None else standby
            session = TenantSession(bind, organization_id=organization_id, reads_only=True, **names)
            with committing(session, self.observer):
                yield ReadSession(session)

    def _note_commits(self, session: DomainSession) -> None:
        if self.read_engines:
            session.on_commit = self._replicas.note

    def tenant(
        self, organization_id: OrganizationId, /, *, actor: str | None = None, request_id: str | None = None
    ) -> TenantHandle:
        """Name an organization, and who works for it, once: what is handed to an endpoint instead of a session.

        Raises:
            ArgumentError: ``actor`` or ``request_id`` is empty or too long.
        """
        return TenantHandle(
            database=self,
            organization_id=organization_id,
            actor=checked("actor", actor),
            request_id=checked("request_id", request_id),
        )

    def run(
        self, unit: Callable[[TenantSession], ResultT], *, organization_id: int, **options: Unpack[UnitOptions]
    ) -> ResultT:
        """Run a unit of work in a session of its own, commit, and return what it returned.

        The unit is run again from its start, in a new session and after a short random pause, where nothing of it
        was stored and trying again may help: ``UnavailableError.retryable``. So all that it does is to go through
        its session. What it returns stays readable, as after ``get_session``.

        Raises:
            OutcomeUnknownError: no answer to COMMIT; never repeated.
            UnavailableError: the last attempt's.
            MisuseError: ``attempts`` is below 1, or the unit is a coroutine function.
        """
        return self._run(unit, organization_id, **options)

    async def arun(
        self, unit: Callable[[TenantSession], ResultT], *, organization_id: int, **options: Unpack[UnitOptions]
    ) -> ResultT:
        """``run`` in one of as many threads as there are connections, for coroutines.

        Cancelling stops the waiting: the work goes on to its end.
        """
        return await self._threads.run(partial(self._run, unit, organization_id, **options))

    def start(self, unit: Callable[[TenantSession], ResultT], **options: Unpack[UnitOptions]) -> ResultT:
        """``run`` for what begins without an organization: a sign-up, a login, an organization found by its slug."""
        return self._run(unit, None, **options)

    async def astart(self, unit: Callable[[TenantSession], ResultT], **options: Unpack[UnitOptions]) -> ResultT:
        """``start`` in a thread, as ``arun``."""
        return await self._threads.run(partial(self._run, unit, None, **options))

    def _run(
        self,
        unit: Callable[[TenantSession], ResultT],
        organization_id: int | None,
        *,
        attempts: int = 3,
        **names: Unpack[Names],
    ) -> ResultT:
        if iscoroutinefunction(unit):
            raise MisuseError("a unit of work is a plain function; await before or after it, not in its session")

        def attempt() -> ResultT:
            with self.get_session(organization_id=organization_id, **names) as session:
                return unit(session)

        return repeated(attempt, attempts=attempts, observer=self.observer)

    def find_by_secret(self, model: type[TenantT], /, **secret: str) -> TenantT | None:
        """The live row with this value of a ``lookup_field``, whatever its organization; its session is closed::

            link = db.find_by_secret(SharedLink, digest=digest_of(token))

        Raises:
            ArgumentError: the value is no text.
            MisuseError: another field is named, or not one.
        """
        lookups: dict[str, str] = model.__table__.info.get("lookups", {})
        if len(secret) != 1 or not secret.keys() <= lookups.keys():
            fields = ", ".join(lookups) or "it has none"
            raise MisuseError(f"{model.__name__} is found by one of its lookup_fields: {fields}")
        with self.get_session() as session:
            return session.look_up(model, *secret.popitem())

    @contextmanager
    def system_session(
        self, *, actor: Actor, reason: str, request_id: str | None = None, time_limits: TimeLimits | None = None
    ) -> Generator[SystemSession]:
        """A session across organizations. Actor and reason are committed before it opens.

        ``time_limits`` take the place of the login's on PostgreSQL, for this session.

        Raises:
            ConfigurationError: on PostgreSQL without SYSTEM_DATABASE_URL.
        """
        if self.system_engine is None and not self.is_sqlite:
            raise ConfigurationError(
                "work across organizations needs a login of its own: set SYSTEM_DATABASE_URL"
                " (or Database(system_database_url=...))"
            )
        engine = self.system_engine or self.engine
        with committing(SystemSession(engine, actor=actor)) as record:
            record.add(SystemAccess(actor=actor, reason=reason))
        session = SystemSession(engine, actor=actor, request_id=request_id, time_limits=time_limits)
        self._note_commits(session)
        with committing(session, self.observer):
            yield session

    def create_all(self) -> None:
        """Create every table that is missing, an application's own included. (Migrations do it in production.)"""
        DomainModel.metadata.create_all(self.migration_engine)

    def drop_all(self) -> None:
        """Drop every table, with all that is in them."""
        DomainModel.metadata.drop_all(self.migration_engine)

    def health_check(self) -> bool:
        """Ping: True if the database answers. See ``ready``."""
        try:
            with self.engine.connect() as connection:
                return bool(connection.scalar(text("SELECT 1")) == 1)
        except (SQLAlchemyError, DomainError):
            return False

    def ready(self) -> Readiness:
        """Tell if this process may take requests, and every reason why not: for a readiness probe.

        It may if the schema is this release's or a later one, every table of an organization is there, the login
        may read and write it, and row level security holds the login. Two short queries; nothing is raised.
        """
        return readiness(self.engine)

    def close(self) -> None:
        """Wait for units in threads, then close every connection; the private file of ``:memory:`` goes.

        What is used again after that, but for ``:memory:``, connects again, and can be closed again.
        """
        self._threads.close()
        for engine in self.engines.values():
            engine.dispose()
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({named(self.engine.url)})"
