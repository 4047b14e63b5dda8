"""What is written refers to rows of the same organization that are not deleted, nor being deleted."""

from collections.abc import Mapping, Sequence

from sqlmodel import col, select

from ..errors import ConstraintError
from ..models import DomainModel, Entity, TenantEntity
from ..tenancy import TRUSTED, DomainSession


def lock_references(
    session: DomainSession,
    model: type[Entity],
    contents: Sequence[DomainModel | Mapping[str, object]],
    *,
    owner: int | None,
) -> None:
    """Keep what the contents of rows refer to from being deleted until they are committed; one query a key.

    Raises:
        ConstraintError: one of those is deleted, another organization's, or unknown.
    """
    for column in model.__table__.c:
        parent: type[TenantEntity] | None = column.info.get("tenant_key")
        ids = {_value(content, column.key) for content in contents} - {None} if parent else set[object]()
        if parent and ids:
            mine = (col(parent.organization_id) == owner, col(parent.id).in_(ids), ~col(parent.is_deleted))
            locked = select(parent.id).where(*mine).with_for_update(read=True, key_share=True)
            if len(session.exec(locked, execution_options={TRUSTED: True}).all()) < len(ids):
                name = next(str(key.constraint.name) for key in column.foreign_keys if key.constraint is not None)
                raise ConstraintError(
                    f"a reference points at no live row of this organization ({name})", constraint=name
                )


def _value(content: DomainModel | Mapping[str, object], name: str) -> object:
    return content.get(name) if isinstance(content, Mapping) else getattr(content, name, None)
