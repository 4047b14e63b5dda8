"""Restoring: exactly the rows of one deletion come back, or none."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, union_all
from sqlmodel import col, select, update

from ...errors import ConflictError, DuplicateError
from ..model import Entity, TenantEntity
from ..model.fields import utcnow
from ..model.registry import model_of, organization_model, reference_graph
from ..model.tables import ORGANIZATION_ID, is_organization, of_organization
from ..session import DomainSession, own
from .references import holding
from .scope import show

_LIVE = {"is_deleted": False, "deleted_at": None, "deletion_id": None, "deleted_by": None}

Kinds = Sequence[type[Entity]]


def restore_batch(session: DomainSession, model: type[Entity], which: int | UUID, *, organization: int | None) -> bool:
    """Unmark the row and what went with it; or a deletion of rows of the model, by its id.

    False where no such row is deleted; raises as ``restore`` does. Three statements on PostgreSQL, on SQLite one a
    table: the rows of a deletion stay the same, whoever else writes.
    """
    session.flush()
    named = col(model.id) == which if isinstance(which, int) else col(model.deletion_id) == which
    rows = select(model.id, model.deletion_id).where(named, of_organization(model, organization), col(model.is_deleted))
    # FOR KEY SHARE blocks no other restore; on SQLite it takes the writers' lock.
    found = _run(session, rows.limit(1).with_for_update(read=True, key_share=True))
    entity_id, batch = found[0] if found else (None, None)
    if batch is None:
        return False  # without a deletion_id it is about to be purged, or was erased
    if is_organization(model):
        organization = entity_id
    kinds = [model_of(table) for level in reference_graph().cascades.levels(model.__table__) for table in level]
    *above, (_, is_there) = _run(session, union_all(*_locks(kinds, named, batch, organization, of_one=which != batch)))
    for names, number in above:
        if number:
            raise ConflictError(f"{names} is deleted; restore that first, or all by restore_deletion")
    if not is_there:
        return False
    stamps = {**_LIVE, "updated_at": utcnow()}
    try:
        with session.begin_nested():  # all of the batch, or nothing
            restored = _restored(session, kinds, batch, organization, stamps)
    except DuplicateError as error:
        raise _named(session, error, kinds, batch, organization) from error
    for kind, row_id, version in restored:
        show(session, kind, row_id, organization, {**stamps, "version": version}, seen_version=version - 1)
    return True


def _run(session: Any, statement: Any) -> list[Any]:
    return list(session.exec(own(statement), execution_options={"synchronize_session": False}))


def _locks(
    kinds: Kinds, named: ColumnElement[bool], batch: UUID, organization: int | None, *, of_one: bool
) -> Iterator[Select[Any, Any]]:
    """Lock the parents, the highest first, and count those that stay deleted; then lock the named rows.

    ``of_one``: a single row is named, and its parents must be live, even if they are in the same deletion.
    """
    model = kinds[0]
    keys = [(kind, parent, edge.column, parent in kinds) for kind in kinds for parent, edge in holding(kind)]
    if of_one:
        keys += [(model, parent, edge.column, False) for parent, edge in holding(model) if parent in kinds]
    if issubclass(model, TenantEntity):
        keys.append((model, organization_model(), ORGANIZATION_ID, False))
    order = reference_graph().cascades.order
    keys.sort(key=lambda key: order.index(key[1].__table__))
    for number, (kind, parent, column, comes_back) in enumerate(dict.fromkeys(keys)):
        rows = select(getattr(kind, column)).where(of_organization(kind, organization), col(kind.deletion_id) == batch)
        stays: ColumnElement[bool] = and_(col(parent.is_deleted))
        if comes_back:
            stays = and_(stays, col(parent.deletion_id).is_distinct_from(batch))
        elif parent in kinds:
            rows = rows.where(named)
        found = select(stays.label("stays")).where(of_organization(parent, organization), col(parent.id).in_(rows))
        locked = found.order_by(col(parent.id)).with_for_update(read=True, key_share=True).cte(f"above_{number}")
        yield select(literal(f"{kind.__name__}: its {parent.__name__}"), func.count()).where(locked.c.stays)
    row = (of_organization(model, organization), named, col(model.deletion_id) == batch)
    root = select(model.id).where(*row).order_by(col(model.id)).with_for_update(key_share=True).cte("root")
    yield select(literal(""), func.count()).select_from(root)


def _restored(
    session: DomainSession, kinds: Kinds, batch: UUID, organization: int | None, stamps: dict[str, Any]
) -> list[tuple[type[Entity], int, int]]:
    """Unmark the batch's rows; return model, id and new version of each."""
    updates = [
        update(kind)
        .where(of_organization(kind, organization), col(kind.deletion_id) == batch)
        .values({**stamps, "version": col(kind.version) + 1})
        .returning(col(kind.id), col(kind.version))
        for kind in kinds
    ]
    if session.get_bind().dialect.name != "postgresql":
        return [(kind, *row) for kind, each in zip(kinds, updates, strict=True) for row in _run(session, each)]
    parts = [each.cte(f"part_{number}") for number, each in enumerate(updates)]
    rows = (select(literal(number), part.c.id, part.c.version) for number, part in enumerate(parts))
    return [(kinds[number], row_id, version) for number, row_id, version in _run(session, union_all(*rows))]


def _named(
    session: DomainSession, error: DuplicateError, kinds: Kinds, batch: UUID, organization: int | None
) -> DuplicateError:
    """The same error, with holder_id set when the conflicting row belongs to this organization."""
    for kind in kinds:
        if kind.__name__ == error.entity and organization is not None:
            taken = kind.__table__.alias("taken")
            statement = (
                select(taken.c.id)
                .join(kind, and_(*(taken.c[name] == getattr(kind, name) for name in error.fields)))
                .where(of_organization(kind, organization), col(kind.deletion_id) == batch)
                .where(~taken.c.is_deleted)
            )
            if ORGANIZATION_ID in taken.c:
                statement = statement.where(taken.c[ORGANIZATION_ID] == organization)
            holder = next(iter(_run(session, statement)), None)
            return DuplicateError(error.entity, error.fields, constraint=error.constraint, holder_id=holder)
    return error
