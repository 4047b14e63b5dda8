"""Sessions, and the organization that a session is bound to for its whole life."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ClauseElement, Connection, Engine, Executable, Table, event, inspect
from sqlalchemy.orm import ORMExecuteState, UOWTransaction
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql import visitors
from sqlmodel import Session, col, select

from .errors import ConflictError, StaleVersionError, TenantRequiredError, TenantScopeError
from .models import Entity, Organization, TenantEntity, User
from .models.tables import TENANT, is_tenant_table

LOOKUP = "domain_lookup"  # execution option of the statements that find one row before an organization is known


class DomainSession(Session):
    """What both kinds of session share. Only ``get_session`` and ``system_session`` commit."""

    def __init__(self, bind: Engine | Connection, *, actor: str | None = None, **options: Any) -> None:
        self.actor = actor
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
        statement = select(Organization).where(col(Organization.slug) == slug, ~col(Organization.is_deleted))
        return self.exec(statement, execution_options={LOOKUP: True}).one_or_none()

    def find_login(self, email: str) -> User | None:
        """The live user with this email, without binding the session."""
        statement = select(User).where(col(User.email) == email.lower(), ~col(User.is_deleted))
        return self.exec(statement, execution_options={LOOKUP: True}).one_or_none()


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
        **options: Any,
    ) -> None:
        self._organization_id = organization_id
        super().__init__(bind, actor=actor, **options)

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
        elif bound != organization_id:
            raise TenantScopeError(bound=bound, asked=organization_id)
        return organization_id


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
            join_transaction_mode="create_savepoint",
        )
        with session:
            yield session
            session.commit()


@event.listens_for(TenantSession, "before_flush")
def _check_flush(session: TenantSession, _context: UOWTransaction, _objects: object) -> None:
    """Fill in the organization of new objects; raise before a statement is sent for another's."""
    for entity in (*session.new, *session.dirty, *session.deleted):
        stored = inspect(entity).identity  # a row's own key, whatever was assigned since: (organization_id, id)
        if isinstance(entity, TenantEntity):
            owner: int | None = vars(entity).get(TENANT)
            if owner is None and stored is None:
                entity.organization_id = session.organization_id
            for named in (owner, stored and stored[0]):
                if named is not None and named != session.organization_id:
                    raise TenantScopeError(bound=session.organization_id, asked=named)
        elif isinstance(entity, Organization) and stored is not None and stored[0] != session.organization_id:
            raise TenantScopeError(bound=session.organization_id, asked=stored[0])


@event.listens_for(TenantSession, "do_orm_execute")
def _check_statement(state: ORMExecuteState) -> None:
    """Refuse statements over tenant data in an unbound session; the lookups of one row say so by an option."""
    session = state.session
    if isinstance(session, TenantSession) and not session.is_bound and not state.execution_options.get(LOOKUP):
        for table in _tables(state.statement):
            if is_tenant_table(table) or table.name == Organization.__tablename__:
                raise TenantRequiredError(table.name)


def _tables(statement: Executable) -> list[Table]:
    """The tables of a statement; its mappers would leave out subqueries and Core."""
    parts = visitors.iterate(statement) if isinstance(statement, ClauseElement) else ()
    return [part for part in parts if isinstance(part, Table)]
