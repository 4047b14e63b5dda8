"""What is written refers to rows of the same organization that are not deleted, nor being deleted."""

from collections.abc import Mapping, Sequence

from sqlmodel import col, select

from ..errors import ConstraintError
from ..models import DomainModel, Entity, Organization
from ..models.tables import TENANT
from ..tenancy import TRUSTED, DomainSession
from .dependents import parents
from .statements import scope_column


def lock_references(
    session: DomainSession,
    model: type[Entity],
    contents: Sequence[DomainModel | Mapping[str, object]],
    *,
    owner: int | None,
) -> None:
    """Keep what the contents of rows refer to from being deleted until they are committed; one query a key.

    The highest first, and in the order of the ids, as a deletion locks them, so that the two don't wait for each
    other.

    Raises:
        ConstraintError: one of those is deleted, another organization's, or unknown.
    """
    for parent, column in parents(model):
        if parent is Organization:
            ids: set[object] = {owner} if _are_new(contents) else set()
        else:
            ids = {_value(content, column) for content in contents} - {None}
        if ids:
            mine = (scope_column(parent) == owner, col(parent.id).in_(ids), ~col(parent.is_deleted))
            locked = select(parent.id).where(*mine).order_by(col(parent.id))
            locked = locked.with_for_update(read=True, key_share=True)
            if len(session.exec(locked, execution_options={TRUSTED: True}).all()) < len(ids):
                name = _constraint(model, column)
                raise ConstraintError(
                    f"a reference points at no live row of this organization ({name})", constraint=name
                )


def _value(content: DomainModel | Mapping[str, object], name: str) -> object:
    return content.get(name) if isinstance(content, Mapping) else getattr(content, name, None)


def _are_new(contents: Sequence[DomainModel | Mapping[str, object]]) -> bool:
    """Whether they are rows to insert: an update's changes leave the organization as it is."""
    return any(isinstance(content, Mapping | Entity) or TENANT in type(content).model_fields for content in contents)


def _constraint(model: type[Entity], column: str) -> str | None:
    keys = model.__table__.c[column].foreign_keys
    return next((str(key.constraint.name) for key in keys if key.constraint is not None), None)
