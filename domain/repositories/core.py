"""What every part of a repository builds on: its session, its model and the organization."""

from typing import Any, Generic

from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from ..errors import TenantRequiredError
from ..models import TenantEntity
from ..tenancy import TRUSTED, DomainSession, SystemSession, TenantSession, note_shown
from .statements import SCOPE, ModelT, Statements, statements

Params = dict[str, object]
_CHANGING = {"synchronize_session": False, TRUSTED: True}


class RepositoryCore(Generic[ModelT]):
    """A repository's model and session. ``org_id`` names the organization, and binds an unbound session to it."""

    model: type[ModelT]
    _admits_deleted = False  # whether the rows stay in reach where their organization is deleted

    def __init__(self, session: DomainSession) -> None:
        self.session = session
        # Only a system session reaches across organizations, and only over the organizations themselves.
        scoped = issubclass(self.model, TenantEntity) or not isinstance(session, SystemSession)
        self._sql: Statements[ModelT] = statements(self.model, scoped=scoped)

    def _owner(self, org_id: int | None) -> int | None:
        """The organization that the statements are scoped to; None for a table that belongs to none.

        Raises:
            TenantRequiredError: the session is bound to no organization, and none is named.
            TenantScopeError: it is bound to another one.
        """
        if not self._sql.scope:
            return None
        session = self.session
        if not isinstance(session, TenantSession):
            raise TenantRequiredError(f"{self.model.__name__} in a system session (see as_organization)")
        if org_id is not None:
            return session.bind_organization(org_id, admits_deleted=self._admits_deleted)
        if not self._admits_deleted:
            session.refuse_deleted()
        return session.organization_id

    def _scope(self, org_id: int | None) -> Params:
        """The parameters that scope a statement; raises as ``_owner`` does."""
        owner = self._owner(org_id)
        return {} if owner is None else {SCOPE: owner}

    def _change(self, statement: ReturningUpdate[*tuple[Any, ...]], owner: int | None, **values: object) -> bool:
        """Run an UPDATE of one row, at most, that returns its id; whether there was one.

        What the session holds of it is read again; or shows what the statement returns, where that leaves the version
        as it is and returns it as well.
        """
        self.session.flush()
        params = {**values} if owner is None else {SCOPE: owner, **values}
        found = self.session.exec(statement, params=params, execution_options=_CHANGING).mappings().first()
        if found is None:
            return False
        if not self.session.identity_map:
            return True
        row: dict[str, Any] = {**found}
        identity = (owner, row["id"]) if issubclass(self.model, TenantEntity) else (row["id"],)
        held: ModelT | None = self.session.identity_map.get(self.session.identity_key(self.model, identity))
        if held is None:
            return True
        if "version" in row and vars(held).get("version") == row["version"]:
            for name, value in row.items():
                set_committed_value(held, name, value)
            note_shown(self.session, held)
        else:
            self.session.refresh(held, self._sql.table.c.keys())  # the columns: what is loaded beside them stays
        return True
