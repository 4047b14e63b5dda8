"""Every public method of a repository. The work of the longer ones stands in the module of their verb."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload
from uuid import UUID

from ...errors import ArgumentError, NotFoundError
from ..model import DomainModel, FieldGroup, Patch, TenantEntity
from ..session import DomainSession, ReadSession, TenantSession, underlying
from . import bulk, paging, writing
from .bulk import RowOutcome, Upserted
from .bulk_rows import Content
from .deleting import Deletion, delete_batch, delete_where, preview_batch
from .filters import Where
from .order import OrderBy
from .page import Page
from .paging import Listed
from .restoring import restore_batch
from .schemas import SchemaT
from .scope import Scope
from .statements import ModelT
from .upsert import On

TenantT = TypeVar("TenantT", bound=TenantEntity)
P = ParamSpec("P")


class Patched(Protocol[P]):
    """A repository that names its model's patch, whose keywords ``update`` takes."""

    @property
    def patch(self) -> Callable[P, DomainModel]: ...


class Repository(Generic[ModelT]):
    """CRUD, soft delete, pages and bulk writes for a model that belongs to no organization.

    A subclass names its model::

        class CurrencyRepository(Repository[Currency]):
            model = Currency

    Deleted rows stay out unless ``include_deleted`` asks for them; unknown and foreign ids are not found. Writes are
    flushed at once, so that an error is raised where it is made; the session's boundary commits. ``org_id`` names the
    organization, and binds an unbound session to it. In a read session what would write raises ReadOnlySessionError.
    """

    model: type[ModelT]

    def __init__(self, session: DomainSession | ReadSession) -> None:
        self.session: DomainSession = underlying(session)
        self._scope = Scope(self.session, self.model)

    # Reading

    @overload
    def get(self, entity_id: int, /, *, include_deleted: bool = False, org_id: int | None = None) -> ModelT | None: ...
    @overload
    def get(
        self, entity_id: int, /, *, as_: type[SchemaT], include_deleted: bool = False, org_id: int | None = None
    ) -> SchemaT | None: ...
    def get(
        self,
        entity_id: int,
        /,
        *,
        as_: type[SchemaT] | None = None,
        include_deleted: bool = False,
        org_id: int | None = None,
    ) -> ModelT | SchemaT | None:
        """The row with this id, or None; ``as_`` a schema (see ``find``)."""
        found: ModelT | SchemaT | None
        found = paging.get(self._scope, entity_id, as_, include_deleted=include_deleted, org_id=org_id)
        return found

    def require(self, entity_id: int, /, *, include_deleted: bool = False, org_id: int | None = None) -> ModelT:
        """The row with this id. Raises NotFoundError."""
        entity = self.get(entity_id, include_deleted=include_deleted, org_id=org_id)
        if entity is None:
            raise NotFoundError(self.model, entity_id)
        return entity

    @overload
    def find(
        self,
        *where: Where,
        order_by: OrderBy | None = None,
        limit: int = 50,
        offset: int = 0,
        include_deleted: bool = False,
        org_id: int | None = None,
    ) -> Sequence[ModelT]: ...
    @overload
    def find(
        self,
        *where: Where,
        as_: type[SchemaT],
        order_by: OrderBy | None = None,
        limit: int = 50,
        offset: int = 0,
        include_deleted: bool = False,
        org_id: int | None = None,
    ) -> Sequence[SchemaT]: ...
    def find(
        self,
        *where: Where,
        as_: type[SchemaT] | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        offset: int = 0,
        include_deleted: bool = False,
        org_id: int | None = None,
    ) -> Sequence[ModelT] | Sequence[SchemaT]:
        """Rows that meet every condition and filter, newest first, or in another order that an index serves.

        ``order_by``: a column, ``col(Invoice.due).desc()``, or its name, ``"-due"``. Rows without a value come
        last. ``as_``: rows are read straight into this schema, without objects of the model; a field of it that is the
        schema of a related row (``customer``) is read in the same statement. ``limit``: 1 to 200.

        Raises:
            ArgumentError: ``limit`` or ``offset`` is out of range, no index serves the order, or a field of ``as_`` is
                neither a column nor a related row.
        """
        listed = Listed(self._scope, *where, as_=as_, order_by=order_by, include_deleted=include_deleted, org_id=org_id)
        return listed.slice(limit=limit, offset=offset)

    def count(self, *where: Where, include_deleted: bool = False, org_id: int | None = None) -> int:
        """How many rows meet every condition."""
        return Listed(self._scope, *where, include_deleted=include_deleted, org_id=org_id).count()

    def exists(self, *where: Where, include_deleted: bool = False, org_id: int | None = None) -> bool:
        """True if any row meets every condition."""
        return Listed(self._scope, *where, include_deleted=include_deleted, org_id=org_id).exists()

    @overload
    def page(
        self,
        *where: Where,
        order_by: OrderBy | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        with_total: bool = False,
        org_id: int | None = None,
    ) -> Page[ModelT]: ...
    @overload
    def page(
        self,
        *where: Where,
        as_: type[SchemaT],
        order_by: OrderBy | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        with_total: bool = False,
        org_id: int | None = None,
    ) -> Page[SchemaT]: ...
    def page(
        self,
        *where: Where,
        as_: type[SchemaT] | None = None,
        order_by: OrderBy | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        with_total: bool = False,
        org_id: int | None = None,
    ) -> Page[ModelT] | Page[SchemaT]:
        """A page by keyset: no gaps and nothing twice while rows are added and deleted. Otherwise as ``find``.

        The first page, or the one ``after`` a page's ``next_cursor``, or the one ``before`` its ``previous_cursor``.

        Raises:
            ArgumentError: as ``find``; or both cursors are given, or one is not of this model's pages in this order.
        """
        listed = Listed(self._scope, *where, as_=as_, order_by=order_by, org_id=org_id)
        return listed.page(after=after, before=before, limit=limit, with_total=with_total)

    def stream(
        self, *where: Where, order_by: OrderBy | None = None, batch_size: int = 500, org_id: int | None = None
    ) -> Iterator[ModelT]:
        """Every row that meets the conditions, in the order of ``find``, ``batch_size`` rows in memory at a time.

        Each batch is a page of its own, so that commits and rollbacks in between are as harmless as between pages.
        """
        if batch_size < 1:
            raise ArgumentError(f"batch_size must be 1 or more, not {batch_size}")
        return Listed(self._scope, *where, order_by=order_by, org_id=org_id).batches(batch_size)

    # Writing

    def add(self, entity: ModelT, /, *, org_id: int | None = None) -> ModelT:
        """Insert a new row; its id and every column are loaded.

        Where a flush would do nothing else, this is one INSERT, without the session's flush events.

        Raises:
            DuplicateError: a live row has the same unique value.
            ConstraintError: the database refused a value, or a reference points at no live row of the organization.
        """
        writing.add(self._scope, entity, org_id)
        self._wrote([(entity.id, entity)])
        return entity

    def put(self, entity: ModelT, /, *, on: On = None, org_id: int | None = None) -> ModelT:
        """Insert the row, or update the live one with the same natural key, or with the same values ``on`` another.

        Fields that were not set on ``entity`` keep their value. Returns the row as it is now stored.

        Raises:
            ArgumentError: ``on`` names the fields of no ``live_unique`` of the model.
            DuplicateError: the key is taken in another organization, or a value of another key by another row.
            ConstraintError: as in ``add``.
        """
        stored = writing.put(self._scope, entity, org_id, on)
        self._wrote([(stored.id, entity)])
        return stored

    @overload
    def update(
        self,
        entity_id: int,
        changes: Patch[ModelT] | FieldGroup[ModelT],
        /,
        *,
        expected_version: int | None = None,
        org_id: int | None = None,
    ) -> ModelT: ...
    @overload
    def update(self: Patched[P], entity_id: int, /, *_: P.args, **fields: P.kwargs) -> ModelT: ...
    def update(  # type: ignore[misc]  # it takes every keyword of P
        self,
        entity_id: int,
        changes: DomainModel | FieldGroup[ModelT] | None = None,
        /,
        *,
        expected_version: int | None = None,
        org_id: int | None = None,
        **fields: Any,
    ) -> ModelT:
        """Write the fields that were set on ``changes``: a patch, or a group of the model's fields.

        Or write keywords, those of the class that the repository names (``patch = InvoicePatch``): typed by it alone,
        they take neither ``expected_version`` nor ``org_id``, which go with a patch. Returns the row as it is now.

        Raises:
            NotFoundError: no live row of this organization has the id.
            StaleVersionError: the row is not at ``expected_version``, or changes meanwhile.
            ArgumentError: ``changes`` is another model's, or sets a field that is not the caller's to write.
            DuplicateError, ConstraintError: as in ``add``.
        """
        if changes is not None and fields:
            raise ArgumentError(f"update takes a patch or fields, not both: {', '.join(sorted(fields))}")
        given = writing.patch_of(self, fields, expected_version, org_id) if changes is None else changes
        content = cast(DomainModel, given)
        writing.refuse_foreign_changes(self._scope, content)
        entity = self.require(entity_id, org_id=org_id)
        news = {name: getattr(content, name) for name in content.model_fields_set}
        news = {name: value for name, value in news.items() if value != getattr(entity, name)}
        writing.update(self._scope, entity, content, expected_version)
        self._wrote([(entity_id, news)])
        return entity

    @overload
    def create_many(  # type: ignore[overload-overlap]  # decided alike when it runs: model objects come first
        self, rows: Iterable[ModelT], /, *, org_id: int | None = None
    ) -> Sequence[ModelT]: ...
    @overload
    def create_many(self, rows: Iterable[Content], /, *, org_id: int | None = None) -> Sequence[int]: ...
    def create_many(
        self, rows: Iterable[ModelT | DomainModel | Mapping[str, object]], /, *, org_id: int | None = None
    ) -> Sequence[ModelT] | Sequence[int]:
        """Insert every row, in order: all of them, or none.

        Of model objects, returns them, with their id and every column loaded. Of contents and mappings, which is
        much faster, returns the ids.

        Raises:
            InvalidRowsError: rows are not valid; each is named by its position.
            DuplicateError, ConstraintError: as in ``add``.
        """
        rows = list(rows)
        made = bulk.create_many(self._scope, rows, org_id)
        self._wrote(zip((new if isinstance(new, int) else new.id for new in made), rows, strict=True))
        return made

    def upsert_many(self, rows: Iterable[Content], /, *, on: On = None, org_id: int | None = None) -> Upserted:
        """Create or update a live row for each content or mapping, told apart by the natural key, or ``on`` another.

        All of them are written, or none. Fields that a row does not give keep their value; of two rows with one key
        the later counts.

        Raises:
            InvalidRowsError: rows are not valid, have no natural key, or set a field that is not the caller's to
                write; each is named by its position.
            ArgumentError: as in ``put``.
            DuplicateError: the key is taken in another organization, or meanwhile; or a value of another key.
            ConstraintError: as in ``add``.
        """
        rows = list(rows)
        done = bulk.upsert_many(self._scope, rows, org_id, on=on)
        written = dict(zip(done.ids, zip(rows, done.outcomes, strict=True), strict=True))  # the last of each key
        self._wrote((n, row) for n, (row, outcome) in written.items() if outcome is not RowOutcome.UNCHANGED)
        return done

    def _wrote(self, rows: Iterable[tuple[int, Content]], /) -> None:
        """Called by each of these with the ids and fields that it wrote, for a subclass that keeps something beside."""

    # Deleting and restoring

    def soft_delete(self, entity_id: int, /, org_id: int | None = None) -> bool:
        """Delete the row and what belongs to it, as one deletion. False where there is no such live row.

        Each row gets the deletion's ``deletion_id`` and ``deleted_at``, and the session's actor as ``deleted_by``.

        Raises:
            ConflictError: a live row refers to one of them by a reference that restricts its deletion.
        """
        organization = self._scope.organization_of(entity_id, org_id)
        return delete_batch(self.session, self.model, entity_id, organization=organization)

    def soft_delete_where(self, *where: Where, org_id: int | None = None) -> Deletion:
        """Delete every row that meets all conditions, and what belongs to them, as one deletion: all, or none.

        The answer is false where there was no such live row. ``restore_deletion`` takes its ``deletion_id``, and
        ``restore`` any row at its top. Rows are judged once they are locked: what others change meanwhile, so that it
        no longer meets the conditions, stays.

        Raises:
            ArgumentError: without a condition; or the rows are organizations, which are deleted one at a time.
            ConflictError: a live row refers to one of them by a reference that restricts its deletion.
        """
        return delete_where(self.session, self.model, where, organization=self._scope.organization(org_id))

    def preview_delete(self, entity_id: int, /, org_id: int | None = None) -> Mapping[str, int]:
        """How many rows of each model ``soft_delete`` would delete; empty where there is no such live row."""
        organization = self._scope.organization_of(entity_id, org_id)
        return preview_batch(self.session, self.model, entity_id, organization=organization)

    def restore(self, entity_id: int, /, org_id: int | None = None) -> bool:
        """Bring back the row and exactly what was deleted with it. False where no such row is deleted.

        Where it raises, nothing is restored.

        Raises:
            DuplicateError: a live row has taken a unique value meanwhile; ``holder_id`` says which, where it is one
                of this organization.
            ConflictError: what the row belongs to is itself deleted.
        """
        organization = self._scope.organization_of(entity_id, org_id)
        return restore_batch(self.session, self.model, entity_id, organization=organization)

    def restore_deletion(self, deletion_id: UUID, /, org_id: int | None = None) -> bool:
        """Bring back exactly the rows of one deletion of this model. False where no row of it has the deletion's id.

        Raises as ``restore`` does; nothing is restored then.
        """
        organization = self._scope.organization(org_id)
        return restore_batch(self.session, self.model, deletion_id, organization=organization)


class TenantRepository(Repository[TenantT]):
    """The same for an organization's data: every SELECT, UPDATE and DELETE carries organization_id.

    The organization is the session's; ``org_id`` names it where the session is bound to none yet.
    """

    def __init__(self, session: TenantSession | ReadSession) -> None:
        super().__init__(session)
