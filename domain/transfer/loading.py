"""The one door for rows that were made elsewhere: they keep their ids, times, versions and deletions.

What else writes rows refuses these columns. The scope is that of any session of the organization, and the audit trail
says who loaded what: as inserts.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, text

from ..database import Database
from ..errors import ArgumentError, ConfigurationError
from ..kit.model import Entity
from ..kit.model.entity import Identified
from ..kit.model.fields import utcnow
from ..kit.model.managed import managed_columns
from ..kit.model.tables import is_organization, organization_column
from ..kit.repository.bulk import BATCH, batches
from ..kit.repository.bulk_rows import Checker, Content
from ..kit.repository.bulk_statements import insert_rows
from ..kit.repository.references import holding, lock_references
from ..kit.schema.scope_postgresql import quoted
from ..kit.session import TenantSession
from ..limits import BULK

# New ids follow for everybody: 2,000 times as many, until JSON's readers round them at 2**53. Ids made of milliseconds
# since 1970 are below it. Of versions, half of what the column holds is left to count on.
_HIGHEST = {"id": 2**42, "version": 2**30}
_SEQUENCE = text(
    "SELECT name FROM pg_get_serial_sequence(:table, 'id') AS name WHERE has_sequence_privilege(name, 'UPDATE')"
)
_DELETION = ("deleted_at", "deletion_id", "deleted_by")


class Loader:
    """Inserts rows, when it is called with their model; ``loading`` gives one."""

    def __init__(self, database: Database, session: TenantSession) -> None:
        self.session = session
        self._database = database
        self._highest: dict[str, int] = {}

    def __call__(self, model: type[Identified], rows: Iterable[Content], /) -> Sequence[int]:
        """Insert the rows as they are, what they refer to before them: all of them, or none. Returns their ids.

        What a row does not give has the model's default; without ids, all get new ones. The organization's own row
        comes first of all.

        Raises:
            InvalidRowsError: rows are not valid; each is named by its position.
            TenantScopeError: a row names another organization.
            DuplicateError: an id is taken (on PostgreSQL, in the organization), or a unique value of a live row.
            ConstraintError: a reference points at no row of the organization, or at a deleted one that a live row
                can't do without; or the database refused a value.
            ConfigurationError: on PostgreSQL, neither login may set the sequence of the table's ids.
        """
        table, organization = model.__table__, None
        computed = frozenset(column.key for column in table.c if column.computed is not None)
        checked = _checked(model, rows, computed)
        if (column := organization_column(table)) is not None:
            for named in {row[column.key] for row in checked} - {None}:
                self.session.bind_organization(named, admits_deleted=is_organization(model))
            organization = self.session.organization_id
        ids = [row["id"] for row in checked if row["id"] is not None]
        if len(ids) not in (0, len(checked)):
            raise ArgumentError(f"{model.__name__}: every row has its id, or none has")
        if checked and not ids:
            self.raise_sequences()
        given = managed_columns(table) - computed - (set[str]() if ids else {"id"})
        highest = max(ids, default=0)
        self.session.flush()
        with self.session.begin_nested():
            for batch in batches(checked, BATCH):
                new = insert_rows(self.session, model, batch, organization, given=given)
                ids += [] if "id" in given else new
                if issubclass(model, Entity):
                    live = [row for row in batch if not row["is_deleted"]]
                    # Afterwards: of a tree, they are among the same rows.
                    lock_references(self.session, model, live, organization=organization, edges=holding(model))
            if highest and not self._database.is_sqlite:  # which goes on after the highest by itself
                sequence = _sequence(self._database, table)
                self._highest[sequence] = max(highest, self._highest.get(sequence, 0))
        return ids

    def raise_sequences(self) -> None:
        """Have new ids be higher than those that were loaded. It is not rolled back, so it comes last."""
        if not self._highest:
            return
        with self._database.migration_engine.begin() as connection:
            for name, highest in self._highest.items():
                raised = (
                    f"SELECT setval('{name}', greatest(last_value, :highest)) FROM {name}"  # noqa: S608  # its own name
                    " WHERE last_value < :highest OR NOT is_called"
                )
                connection.execute(text(raised), {"highest": highest})
        self._highest.clear()


@contextmanager
def loading(db: Database, *, organization_id: int | None = None, actor: str) -> Generator[Loader]:
    """Load rows of one organization, or of tables that belong to none, in one transaction: all of it, or nothing::

        with loading(db, organization_id=7, actor="move") as load:
            load(Organization, [{"id": 7, "name": "Acme Corp", "slug": "acme"}])
            load(Tender, tenders)

    On PostgreSQL it needs the tables' owner (MIGRATION_DATABASE_URL), so that new ids follow the given ones: from
    the end of the block on. Who writes to the same organization before may be given one of them, and a DuplicateError.
    """
    with db.get_session(organization_id=organization_id, actor=actor, time_limits=BULK) as session:
        loader = Loader(db, session)
        yield loader
        loader.raise_sequences()


def _checked(model: type[Identified], rows: Iterable[Content], computed: Set[str]) -> list[dict[str, Any]]:
    checker = Checker(model, computed)
    checked = [row.values for row in checker.check(_given(row, computed) for row in rows)]
    for position, row in enumerate(checked):
        if reason := _contradiction(row):
            checker.reasons[position] = reason
    checker.refuse()
    return checked


def _given(row: Content, computed: Set[str]) -> Content:
    """Of a stored row, every column."""
    if not isinstance(row, Identified):
        return row
    return {name: getattr(row, name) for name in type(row).model_fields if name not in computed}


def _contradiction(row: Mapping[str, Any]) -> str | None:
    """Name what a database would take, though nothing but a mistake writes it. A clock may be ahead by a day."""
    for name, highest in _HIGHEST.items():
        value = row.get(name)
        if value is not None and not 1 <= value <= highest:
            return f"{name}: must be from 1 to {highest}"
    given = [name for name in _DELETION if row.get(name) is not None]
    if row.get("is_deleted"):
        if "deleted_at" not in given:
            return "deleted_at: needed where is_deleted is true"
        return "deleted_at: must not be in the future" if row["deleted_at"] > utcnow() + timedelta(days=1) else None
    return f"{', '.join(given)}: given, though is_deleted is false" if given else None


def _sequence(database: Database, table: Table) -> str:
    """The name of the sequence of the table's ids. Raises ConfigurationError where it is not the login's to set."""
    with database.migration_engine.connect() as connection:
        name: str | None = connection.scalar(_SEQUENCE, {"table": quoted(table.name)})
    if name is None:
        raise ConfigurationError(
            f"the sequence of {table.name} is its owner's to set: loading rows with ids needs MIGRATION_DATABASE_URL"
        )
    return name
