"""The scope of a repository's functions: its session, its model, and the organization that a call is for."""

from collections.abc import Mapping
from typing import Any, Generic

from sqlalchemy import inspect
from sqlalchemy.orm.attributes import set_attribute, set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from ...errors import TenantRequiredError
from ..model import Entity, TenantEntity
from ..model.tables import ORGANIZATION_ID, is_organization
from ..session import DomainSession, SystemSession, TenantSession, checked_int, expire_on_savepoint_rollback, own
from .statements import KEY, ORGANIZATION, ModelT, Statements, statements

Params = dict[str, object]
_CHANGING = {"synchronize_session": False}


class Scope(Generic[ModelT]):
    """``sql``: the model's statements, with the organization, unless a system session works on organizations.

    If rows are organizations themselves, deleted ones stay in reach.
    """

    def __init__(self, session: DomainSession, model: type[ModelT]) -> None:
        self.session = session
        self.model = model
        self._of_organizations = is_organization(model)
        # Only a system session reaches across organizations, and only over the organizations themselves.
        scoped = issubclass(model, TenantEntity) or not isinstance(session, SystemSession)
        self.sql: Statements[ModelT] = statements(model, scoped=scoped)

    def organization(self, org_id: int | None) -> int | None:
        """The organization that a call is for; None for a table that belongs to none.

        Raises:
            TenantRequiredError: the session is bound to no organization, and none is named.
            TenantScopeError: it is bound to another one.
        """
        if not self.sql.is_scoped:
            return None
        session = self.session
        if not isinstance(session, TenantSession):
            raise TenantRequiredError(f"{self.model.__name__} in a system session (see as_organization)")
        if org_id is not None:
            return session.bind_organization(org_id, admits_deleted=self._of_organizations)
        if not self._of_organizations:
            session.refuse_deleted()
        return session.organization_id

    def organization_of(self, entity_id: int, org_id: int | None) -> int | None:
        """The same for a call on one row; an organization's own row names itself. Raises as ``organization``."""
        checked_int(entity_id, f"the id of a {self.model.__name__}")
        if not self._of_organizations:
            return self.organization(org_id)
        organization = entity_id if org_id is None else org_id
        if isinstance(self.session, TenantSession):
            self.session.bind_organization(organization, admits_deleted=True)
        return organization

    def parameters(self, org_id: int | None) -> Params:
        """The parameters that scope a statement; raises as ``organization`` does."""
        organization = self.organization(org_id)
        return {} if organization is None else {ORGANIZATION: organization}

    def row_parameters(self, entity_id: int, org_id: int | None) -> Params:
        """The parameters that scope a statement to one row; raises as ``organization`` does."""
        organization = self.organization_of(entity_id, org_id)
        return {KEY: entity_id, **({ORGANIZATION: organization} if self.sql.is_scoped else {})}

    def give_organization(self, entity: ModelT, org_id: int | None) -> None:
        """Give a new object its organization: the argument, what it names itself, or the session's."""
        if isinstance(entity, TenantEntity):
            named: int | None = vars(entity).get(ORGANIZATION_ID)
            organization = self.organization(named if org_id is None else org_id)
            if named is not None:
                self.organization(named)
            elif organization is not None:
                set_attribute(entity, ORGANIZATION_ID, organization)  # it needs no check: it is the session's

    def change(self, statement: ReturningUpdate[*tuple[Any, ...]], organization: int | None, **values: object) -> bool:
        """Run an UPDATE as ``changed`` does; True if there was a row."""
        return self.changed(statement, organization, **values) is not None

    def changed(
        self, statement: ReturningUpdate[*tuple[Any, ...]], organization: int | None, **values: object
    ) -> int | None:
        """Run an UPDATE of at most one row that returns its id: the id, or None.

        The session's object of the row is read again; or it is given the returned values, if the version is among
        them and did not change.
        """
        self.session.flush()
        params = {**values} if organization is None else {ORGANIZATION: organization, **values}
        found = self.session.exec(own(statement), params=params, execution_options=_CHANGING).mappings().first()
        if found is None:
            return None
        row: dict[str, Any] = {**found}
        if self.session.identity_map:
            show(self.session, self.model, row["id"], organization, row, seen_version=row.get("version"))
        return int(row["id"])


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

    If the object is at another version than ``seen_version`` it has missed a write, so it is refreshed instead.
    """
    identity = (organization, entity_id) if issubclass(model, TenantEntity) else (entity_id,)
    entity: Entity | None = session.identity_map.get(inspect(model).identity_key_from_primary_key(identity))
    if entity is None:
        return
    if seen_version is not None and vars(entity).get("version") == seen_version:
        for name, value in values.items():
            set_committed_value(entity, name, value)
    else:
        session.refresh(entity, inspect(model).columns.keys())  # columns only: loaded relationships stay
    expire_on_savepoint_rollback(session, entity)
