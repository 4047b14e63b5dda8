"""An attacker and a victim: two organizations with a live and a deleted row of every model."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import make_transient_to_detached

from ...database import Database
from ...errors import ConfigurationError, DomainError
from ...kit.model.tables import ORGANIZATION_ID
from ...kit.session import TenantSession
from ...organizations.model import Organization
from ..building import build, natural_key
from .discovery import Model, references, tenant_models
from .marking import marked
from .snapshot import Snapshot, Snapshots

# The attacker's are the higher ones: SQLite gives new rows the ids that follow the highest.
_IDS = {"attacker": 7_700_000_000_000_000, "victim": 5_500_000_000_000_000}
_DELETED = {"is_deleted": True, "deleted_at": datetime(2026, 1, 2, tzinfo=UTC)}


@dataclass(frozen=True)
class Planted:
    """One row: what it was built from, and which of its values are like no other's."""

    model: Model
    id: int
    fields: dict[str, object]
    marks: dict[str, object]

    @property
    def key(self) -> int | tuple[object, int]:
        """The primary key."""
        return (self.fields[ORGANIZATION_ID], self.id) if ORGANIZATION_ID in self.fields else self.id

    @property
    def natural(self) -> dict[str, object]:
        """Its part of the natural key."""
        return {name: self.fields[name] for name in natural_key(self.model) if name in self.fields}

    def detached(self) -> Any:
        """The row as an object that another session has loaded and let go."""
        entity = build(self.model, **self.fields)
        make_transient_to_detached(entity)
        return entity


class Side:
    """One of the two organizations."""

    def __init__(self, name: str, models: Collection[Model]) -> None:
        base, word = _IDS[name], f"zq{name}"
        self.organization_id: int = base + 1
        self.organization: Planted = _planted(Organization, word, base + 1)
        self.live: dict[Model, Planted] = {}
        self.deleted: dict[Model, Planted] = {}
        for number, model in enumerate(models, 2):
            fixed = {ORGANIZATION_ID: base + 1, **self.parents(model)}
            self.live[model] = _planted(model, word, base + 10 * number, **fixed)
            gone = {**_DELETED, "deletion_id": UUID(int=base + number)}
            self.deleted[model] = _planted(model, word, base + 10 * number + 1, **fixed, **gone)

    def parents(self, model: Model) -> dict[str, object]:
        """Values for the model's references: this organization's live rows."""
        return {name: self.live[target].id for name, target in references(model).items() if target in self.live}

    def rows(self) -> Iterator[Planted]:
        """All of them."""
        yield self.organization
        yield from self.live.values()
        yield from self.deleted.values()

    def row(self, model: Model) -> Planted:
        """The live row of a model."""
        return self.organization if model is Organization else self.live[model]

    def gone(self, model: Model) -> Planted:
        """The deleted row of a model; an organization has but one row."""
        return self.organization if model is Organization else self.deleted[model]


class World:
    """The two, over a test's database. Each attempt starts from the same rows."""

    def __init__(self, database: Database, models: Collection[Model] | None) -> None:
        self.database = database
        self.models: list[Model] = tenant_models(database, models)
        self.attacker: Side = Side("attacker", self.models)
        self.victim: Side = Side("victim", self.models)
        self.snapshots: Snapshots = Snapshots(database)
        self.initial: Snapshot = self.snapshots.take()

    def plant_organization(self, side: Side) -> None:
        """Store the organization alone: that there is one is no secret."""
        self._store(side.organization, side)

    def plant_rows(self, side: Side) -> None:
        """Store its rows, as the owner: a fault of the policies must not stop the attack.

        Raises:
            ConfigurationError: the owner's login can't see every row, so that a leak would go unnoticed.
        """
        for planted in (*side.live.values(), *side.deleted.values()):
            self._store(planted, side)
        stored = self.snapshots.take()
        for name in [model.__table__.name for model in self.models]:
            if len([row for row in stored[name].values() if row[ORGANIZATION_ID] == side.organization_id]) != 2:
                raise ConfigurationError(
                    f"the owner's login does not see what was stored in {name}: give the database"
                    " migration_database_url, and run `domain db roles`"
                )

    def copy(self, model: Model) -> dict[str, Any]:
        """The attacker's own row, without what no other row may have: to insert it again."""
        fields = self.attacker.row(model).fields
        return {name: value for name, value in fields.items() if name not in {"id", *natural_key(model)}}

    def change(self, model: Model) -> dict[Any, Any]:
        """A change of one column: to the attacker's own value, where it has such a column, best none of a key."""
        marks, key = self.attacker.row(model).marks, natural_key(model)
        name = [*(name for name in marks if name not in key), *marks, "version"][0]
        return {name: marks.get(name, 7)}

    def _store(self, planted: Planted, side: Side) -> None:
        plain = {name: value for name, value in planted.fields.items() if name not in planted.marks}
        for fields in (planted.fields, plain):
            try:
                with TenantSession(self.database.migration_engine, organization_id=side.organization_id) as session:
                    session.add(build(planted.model, **fields))
                    session.commit()
                return
            except DomainError:
                if fields is plain:
                    raise


def _planted(model: Model, word: str, row_id: int, **fixed: object) -> Planted:
    entity, marks = marked(model, word, row_id // 10**12 + row_id % 1000, id=row_id, **fixed)
    given: set[str] = entity.model_fields_set
    return Planted(model, row_id, {name: getattr(entity, name) for name in sorted(given)}, marks)
