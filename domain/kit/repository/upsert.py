"""INSERT ... ON CONFLICT over the natural key: the first ``live_unique`` of the model."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from ..model import Entity
from ..model.tables import ORGANIZATION_ID, live_unique_indexes, of_organization


def natural_key(model: type[Entity]) -> tuple[str, ...]:
    """The fields that tell a model's live rows apart within an organization. Raises TypeError where there are none."""
    indexes = live_unique_indexes(model.__table__)
    if not indexes:
        raise TypeError(f"{model.__name__} has no natural key: add live_unique(...) to its __table_args__")
    fields: tuple[str, ...] = indexes[0].info["live_unique"]
    return fields


def upsert_statement(entity: Entity, dialect: str, *, organization: int | None) -> postgresql.Insert | sqlite.Insert:
    """Insert the entity, or set its given fields on the organization's live row with the same key."""
    model = type(entity)
    key = natural_key(model)
    table = model.__table__
    index = live_unique_indexes(table)[0]
    values = {
        column.key: getattr(entity, column.key) for column in table.c if column.key != "id" and column.computed is None
    }
    insert = postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)
    statement = insert.values(values)
    given = (entity.model_fields_set - {*key, ORGANIZATION_ID, "id"}) | {"updated_at"}
    changes: dict[str, Any] = {name: statement.excluded[name] for name in sorted(given)}
    # An index across organizations (a login's address) must not let one take over another's row.
    return statement.on_conflict_do_update(
        index_elements=list(index.columns.keys()),
        index_where=~table.c.is_deleted,
        set_={**changes, "version": table.c.version + 1},
        where=of_organization(table, organization),
    )
