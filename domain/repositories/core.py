"""What every part of a repository builds on: its session, its model and the organization."""

from collections.abc import Mapping
from typing import Any, Generic

from sqlalchemy import inspect
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from ..errors import TenantRequiredError
from ..models import Entity, TenantEntity
from ..tenancy import DomainSession, SystemSession, TenantSession, note_shown, own
from .statements import ORGANIZATION, ModelT, Statements, statements

Params = dict[str, object]
_CHANGING = {"synchronize_session": False}


class RepositoryCore(Generic[ModelT]):
    """A repository's model and session. ``org_id`` names the organization, and binds an unbound session to it."""

    model: type[ModelT]
    _admits_deleted = False  # whether the rows stay in reach where their organization is deleted

    def __init__(self, session: DomainSession) -> None:
        self.session = session
        # Only a system session reaches across organizations, and only over the organizations themselves.
        scoped = issubclass(self.model, TenantEntity) or not isinstance(session, SystemSession)
        self._sql: Statements[ModelT] = statements(self.model, scoped=scoped)

    def _organization(self, org_id: int | None) -> int | None:
        """The organization that the statements are scoped to; None for a table that belongs to none.

        Raises:
            TenantRequiredError: the session is bound to no organization, and none is named.
            TenantScopeError: it is bound to another one.
        """
        if not self._sql.is_scoped:
            return None
        session = self.session
        if not isinstance(session, TenantSession):
            raise TenantRequiredError(f"{self.model.__name__} in a system session (see as_organization)")
        if org_id is not None:
            return session.bind_organization(org_id, admits_deleted=self._admits_deleted)
        if not self._admits_deleted:
            session.refuse_deleted()
        return session.organization_id

    def _parameters(self, org_id: int | None) -> Params:
        """The parameters that scope a statement; raises as ``_organization`` does."""
        organization = self._organization(org_id)
        return {} if organization is None else {ORGANIZATION: organization}

    def _change(self, statement: ReturningUpdate[*tuple[Any, ...]], organization: int | None, **values: object) -> bool:
        """Run an UPDATE of one row, at most, that returns its id; whether there was one.

        An object that the session holds of the row is read again; or is given the values that the statement returned,
        where the version is among them and did not change.
        """
        self.session.flush()
        params = {**values} if organization is None else {ORGANIZATION: organization, **values}
        found = self.session.exec(own(statement), params=params, execution_options=_CHANGING).mappings().first()
        if found is None:
            return False
        if self.session.identity_map:
            row: dict[str, Any] = {**found}
            show(self.session, self.model, row["id"], organization, row, seen_version=row.get("version"))
        return True


def show(
    session: DomainSession,
    model: type[Entity],
    entity_id: int,
    organization: int | None,
    values: Mapping[str, Any],
    *,
    seen_version: int | None,
) -> None:
    """Give the object that the session holds of the row, if any, the values that were written.

    It is read again where its version is not ``seen_version``: then there are others that it has not seen.
    """
    identity = (organization, entity_id) if issubclass(model, TenantEntity) else (entity_id,)
    entity: Entity | None = session.identity_map.get(inspect(model).identity_key_from_primary_key(identity))
    if entity is None:
        return
    if seen_version is not None and vars(entity).get("version") == seen_version:
        for name, value in values.items():
            set_committed_value(entity, name, value)
    else:
        session.refresh(entity, model.__table__.c.keys())  # the columns: what is loaded beside them stays
    note_shown(session, entity)
