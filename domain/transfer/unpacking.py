"""An archive's rows, into a database that has no such organization."""

from pathlib import Path

from ..database import Database
from ..kit.model.registry import model_of
from ..kit.repository.bulk import BATCH, batches
from .archive import Manifest, organization_graph, read_manifest, read_rows
from .loading import loading


def load_organization(db: Database, folder: Path, *, actor: str) -> Manifest:
    """Load an archive: all of it, in one transaction, or nothing. Rows keep their ids, times, versions and deletions.

    Every file is compared with the manifest before, and every row is checked by its model. Rows of tables that belong
    to no organization, to which they may refer, have to be there. Nobody has signed
    an archive: load what you trust.

    Raises:
        ArchiveError: the archive is not one whole organization, or not of this release's revision.
        ConfigurationError: it has a table that no imported model describes; or on PostgreSQL, MIGRATION_DATABASE_URL
            is not set.
        DuplicateError: the organization is there already, or its slug, or a login's address; or on SQLite, where a
            table has one counter for all, one of the ids.
        InvalidRowsError: a model refuses a row.
    """
    manifest, graph = read_manifest(folder), organization_graph()
    with loading(db, organization_id=manifest.organization_id, actor=actor) as load:
        for table in graph.order:
            rows = read_rows(folder, table, manifest)
            # Of a tree, all at once: a row may refer to a later one.
            for batch in [list(rows)] if graph.refers_to_itself(table) else batches(rows, BATCH):
                load(model_of(table), batch)
    return manifest
