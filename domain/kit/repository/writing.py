"""Writing single rows: an INSERT, an upsert by the natural key, and updates that check the version they saw."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import set_committed_value

from ...errors import ArgumentError, DuplicateError, StaleVersionError
from ..model import DomainModel, Entity, Patch, TenantEntity
from ..model.managed import managed_reason
from ..model.tables import ORGANIZATION_ID
from ..private import fail_as_a_flush, put_as_a_flush
from ..session import DomainSession, expire_on_savepoint_rollback, own
from .references import add_locked, lock_references
from .scope import Scope
from .statements import ModelT, Statements
from .upsert import On, key_index, upsert_statement


def add(scope: Scope[ModelT], entity: ModelT, org_id: int | None) -> None:
    """Insert a new row."""
    scope.give_organization(entity, org_id)
    lock_references(scope.session, scope.model, [entity], organization=vars(entity).get(ORGANIZATION_ID))
    insert_one(scope.session, scope.sql, entity)


def put(scope: Scope[ModelT], entity: ModelT, org_id: int | None, on: On = None) -> ModelT:
    """Insert the row, or update the live one with the same key; return it as now stored."""
    index = key_index(scope.model, on)
    scope.give_organization(entity, org_id)
    session, organization = scope.session, scope.organization(org_id)
    session.flush()
    lock_references(session, scope.model, [entity], organization=organization)
    statement = upsert_statement(entity, index, session.get_bind().dialect.name, organization=organization)
    returning = own(statement.returning(scope.model))
    stored = session.scalars(returning, execution_options={"populate_existing": True}).one_or_none()
    if stored is None:
        raise DuplicateError(scope.model.__name__, index.info["live_unique"], constraint=str(index.name))
    if stored.version > 1:  # a rollback takes a new one away
        expire_on_savepoint_rollback(session, stored)
    return stored


def patch_of(repository: object, fields: dict[str, object], *alone: object) -> DomainModel:
    """Make the patch that the repository names. Raises ArgumentError where it names none, or ``alone`` has a value."""
    patch: Any = getattr(repository, "patch", None)
    if Patch not in getattr(patch, "__mro__", ()):
        kind = type(repository).__name__
        raise ArgumentError(
            f"{kind} takes no fields in update: name the patch in its class, as in patch = InvoicePatch"
        )
    if any(value is not None for value in alone):
        given = ", ".join(f"{name}=..." for name in fields)
        raise ArgumentError(f"expected_version and org_id go with a patch: update(id, {patch.__name__}({given}), ...)")
    changes: DomainModel = patch(**fields)
    return changes


def refuse_foreign_changes(scope: Scope[ModelT], changes: DomainModel) -> None:
    """Raise ArgumentError where the changes are another model's, or set what is the library's to write, or no field."""
    patched = getattr(changes, "__patched__", None)
    if patched is not None and not issubclass(scope.model, patched):
        raise ArgumentError(f"{type(changes).__name__} is a patch of {patched.__name__}, not of {scope.model.__name__}")
    names = changes.model_fields_set
    if wrong := sorted(names & scope.sql.managed | names - scope.model.model_fields.keys()):
        said = f"{scope.model.__name__}: {', '.join(wrong)} can't be written by an update"
        raise ArgumentError(f"{said}: {managed_reason(wrong)}" if scope.sql.managed.issuperset(wrong) else said)


def update(scope: Scope[ModelT], entity: ModelT, changes: DomainModel, expected_version: int | None) -> None:
    """Write the fields that were set on ``changes``. Raises StaleVersionError where the row is at another version."""
    if expected_version is not None and entity.version != expected_version:
        raise StaleVersionError(scope.model.__name__, entity.id, seen=expected_version, current=entity.version)
    lock_references(scope.session, scope.model, [changes], organization=vars(entity).get(ORGANIZATION_ID))
    try:
        for name in changes.model_fields_set:
            setattr(entity, name, getattr(changes, name))
    except ValidationError:
        scope.session.refresh(entity)  # what was set before must not be saved by a later flush
        raise
    scope.session.flush()


def insert_one(session: DomainSession, sql: Statements[ModelT], entity: ModelT) -> None:
    """Insert a new object for which ``lock_references`` was called: the session holds it as after a flush."""
    if not _takes_statement(session, sql, entity):
        add_locked(session, [entity])
        return
    held = vars(entity)
    row = {column: held[name] for name, column in sql.attributes.items() if name in held} | {"version": 1}
    try:
        new_id = session.exec(sql.insert, params=row).scalar_one()
    except BaseException:
        if session.in_transaction() and session.is_active:
            # To the savepoint, or all of it; until it is rolled back, the session refuses work.
            fail_as_a_flush(session)
        raise
    set_committed_value(entity, "id", new_id)
    set_committed_value(entity, "version", 1)
    session.add(entity)
    put_as_a_flush(session, inspect(entity))


def _takes_statement(session: DomainSession, sql: Statements[ModelT], entity: Entity) -> bool:
    """True if a flush would only insert this row, with the values that the entity has."""
    state: InstanceState[Any] = inspect(entity)
    mapper, held = state.mapper, vars(entity)
    is_new = isinstance(entity, TenantEntity) and state.transient and held.get("id") is None
    is_whole = mapper.local_table is sql.table and all(held.get(name) is not None for name in sql.filled_in)
    is_alone = not (session.new or session.dirty or session.deleted)
    is_listened_to = mapper.dispatch.before_insert or mapper.dispatch.after_insert
    brings = any(held.get(name) for name in sql.cascading)
    return is_new and is_whole and is_alone and not is_listened_to and not brings
