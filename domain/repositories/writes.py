"""Writing single rows."""

from collections.abc import Mapping, Sequence, Set

from pydantic import ValidationError
from sqlalchemy.orm.attributes import set_attribute

from ..errors import ArgumentError, DuplicateError, StaleVersionError
from ..models import DomainModel, TenantEntity
from ..models.tables import ORGANIZATION_ID, live_unique_indexes
from ..tenancy import note_shown, own
from .deletion import delete_batch, preview_batch
from .inserting import insert_one
from .reads import Reads
from .references import lock_references
from .restoring import restore_batch
from .statements import ModelT
from .upsert import upsert_statement


class Writes(Reads[ModelT]):
    """Writes are flushed at once, so that an error is raised where it is made; the session's boundary commits."""

    def add(self, entity: ModelT, /, *, org_id: int | None = None) -> ModelT:
        """Insert a new row; its id and every column are loaded.

        Where a flush would do nothing else, this is one INSERT, and the session's flush events are not told of it.

        Raises:
            DuplicateError: a live row has the same unique value.
            ConstraintError: the database refused a value, or a reference points at no live row of the organization.
        """
        self._set_organization(entity, org_id)
        self._lock_references([entity], vars(entity).get(ORGANIZATION_ID))
        insert_one(self.session, self._sql, entity)
        return entity

    def put(self, entity: ModelT, /, *, org_id: int | None = None) -> ModelT:
        """Insert the row, or update the live one with the same natural key.

        Fields that were not set on ``entity`` keep their value. Returns the row as it is now stored.

        Raises:
            DuplicateError: the key is taken in another organization.
            ConstraintError: as in ``add``.
        """
        self._set_organization(entity, org_id)
        organization = self._organization(org_id)
        self.session.flush()
        self._lock_references([entity], organization)
        statement = upsert_statement(entity, self.session.get_bind().dialect.name, organization=organization)
        returning = own(statement.returning(self.model))
        stored = self.session.scalars(returning, execution_options={"populate_existing": True}).one_or_none()
        if stored is None:
            index = live_unique_indexes(self._sql.table)[0]
            raise DuplicateError(self.model.__name__, index.info["live_unique"], constraint=str(index.name))
        if stored.version > 1:  # a new one has nothing to be read again
            note_shown(self.session, stored)
        return stored

    def update(
        self,
        entity_id: int,
        changes: DomainModel,
        /,
        *,
        expected_version: int | None = None,
        org_id: int | None = None,
    ) -> ModelT:
        """Write the fields that were set on ``changes`` (a patch or a body). Returns the row as it is now.

        Raises:
            NotFoundError: no live row of this organization has the id.
            StaleVersionError: the row is not at ``expected_version``, or changes meanwhile.
            ArgumentError: ``changes`` sets a field that is not the caller's to write.
            DuplicateError, ConstraintError: as in ``add``.
        """
        names = changes.model_fields_set
        if wrong := self._not_writable(names):
            raise ArgumentError(f"{self.model.__name__}: {', '.join(wrong)} can't be written by an update")
        entity = self.require(entity_id, org_id=org_id)
        if expected_version is not None and entity.version != expected_version:
            raise StaleVersionError(self.model.__name__, entity_id, seen=expected_version, current=entity.version)
        self._lock_references([changes], vars(entity).get(ORGANIZATION_ID))
        try:
            for name in names:
                setattr(entity, name, getattr(changes, name))
        except ValidationError:
            self.session.refresh(entity)  # what was set before must not be saved by a later flush
            raise
        self.session.flush()
        return entity

    def soft_delete(self, entity_id: int, /, org_id: int | None = None) -> bool:
        """Delete the row and what belongs to it, as one deletion. False where there is no such live row.

        Each row gets the deletion's ``deletion_id`` and ``deleted_at``, and the session's actor as ``deleted_by``.
        """
        organization = self._batch_organization(entity_id, org_id)
        self.session.flush()
        return delete_batch(self.session, self.model, entity_id, organization=organization)

    def preview_delete(self, entity_id: int, /, org_id: int | None = None) -> Mapping[str, int]:
        """How many rows of each model ``soft_delete`` would delete; empty where there is no such live row."""
        organization = self._batch_organization(entity_id, org_id)
        self.session.flush()
        return preview_batch(self.session, self.model, entity_id, organization=organization)

    def restore(self, entity_id: int, /, org_id: int | None = None) -> bool:
        """Bring back exactly what was deleted with the row. False where no such row is deleted.

        Where it raises, nothing is restored.

        Raises:
            DuplicateError: a live row has taken a unique value meanwhile; ``holder_id`` says which, where it is one
                of this organization.
            ConflictError: what the row belongs to is itself deleted.
        """
        organization = self._batch_organization(entity_id, org_id)
        self.session.flush()
        return restore_batch(self.session, self.model, entity_id, organization=organization)

    def _batch_organization(self, _entity_id: int, org_id: int | None, /) -> int | None:
        """The organization that a deletion of the row, or its restoring, is scoped to."""
        return self._organization(org_id)

    def _lock_references(
        self, contents: Sequence[DomainModel | Mapping[str, object]], organization: int | None
    ) -> None:
        if organization is not None:
            lock_references(self.session, self.model, contents, organization=organization)

    def _not_writable(self, names: Set[str]) -> list[str]:
        """Those of the names that are the library's to write, or no field."""
        return sorted(names & self._sql.managed | names - self.model.model_fields.keys())

    def _set_organization(self, entity: ModelT, org_id: int | None) -> None:
        """Give the entity its organization: the argument, what it names itself, or the session's."""
        if isinstance(entity, TenantEntity):
            named: int | None = vars(entity).get(ORGANIZATION_ID)
            organization = self._organization(named if org_id is None else org_id)
            if named is not None:
                self._organization(named)
            elif organization is not None:
                set_attribute(entity, ORGANIZATION_ID, organization)  # it needs no check: it is the session's
