"""INSERT ... ON CONFLICT over a ``live_unique`` of the model: the natural key, which is the first, or another."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Index
from sqlalchemy.dialects import postgresql, sqlite

from ...errors import ArgumentError
from ..model import Entity
from ..model.tables import ORGANIZATION_ID, live_unique_indexes, of_organization

On: TypeAlias = str | Sequence[str] | None
"""The fields of the ``live_unique`` that tells rows apart; of the first one, where it is None."""


def key_index(model: type[Entity], on: On = None) -> Index:
    """The ``live_unique`` on these fields. Raises TypeError where the model has none, ArgumentError where no such."""
    indexes = live_unique_indexes(model.__table__)
    if not indexes:
        raise TypeError(f"{model.__name__} has no natural key: add live_unique(...) to its __table_args__")
    if on is None:
        return indexes[0]
    wanted = {on} if isinstance(on, str) else {*on}
    for index in indexes:
        if wanted == {*index.info["live_unique"]}:
            return index
    keys = ", ".join(f"({', '.join(index.info['live_unique'])})" for index in indexes)
    raise ArgumentError(f"{model.__name__} has no live_unique on {on!r}; it has {keys}")


def upsert_statement(
    entity: Entity, index: Index, dialect: str, *, organization: int | None
) -> postgresql.Insert | sqlite.Insert:
    """Insert the entity, or set its given fields on the organization's live row with the same key."""
    model = type(entity)
    table = model.__table__
    values = {
        column.key: getattr(entity, column.key) for column in table.c if column.key != "id" and column.computed is None
    }
    insert = postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)
    statement = insert.values(values)
    given = (entity.model_fields_set - {*index.info["live_unique"], ORGANIZATION_ID, "id"}) | {"updated_at"}
    changes: dict[str, Any] = {name: statement.excluded[name] for name in sorted(given)}
    # An index across organizations (a login's address) must not let one take over another's row.
    return statement.on_conflict_do_update(
        index_elements=list(index.columns.keys()),
        index_where=~table.c.is_deleted,
        set_={**changes, "version": table.c.version + 1},
        where=of_organization(table, organization),
    )
