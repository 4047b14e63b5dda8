"""An organization's rows, as of one moment, to an archive."""

import os
import shutil
from collections.abc import Iterator, Sequence
from glob import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

from sqlalchemy import Table
from sqlmodel import Session, col, select

from ..database import Database
from ..kit.model import Entity
from ..kit.model.fields import utcnow
from ..kit.model.registry import model_of
from ..kit.model.tables import is_organization
from ..kit.schema.known_tables import known_graph
from ..kit.session import TenantSession, including_deleted
from ..limits import BULK
from ..organizations.repository import OrganizationRepository
from .archive import (
    MANIFEST,
    ArchiveError,
    Manifest,
    TableFile,
    digest_of,
    organization_graph,
    path_of,
    row_schema,
    within_limit,
)

_AT_ONCE = 1000


def export_organization(db: Database, folder: Path, *, organization_id: int) -> Manifest:
    """Write every row of a live organization, deleted ones included, to a new folder that nobody else may read.

    All of it is of one moment. Secrets are in it, such as the hashes of passwords; the audit trail is not. The folder
    appears when it is whole: what a killed export left beside it (``<folder>.(...).part``) goes when the next begins.
    So of several to one folder at once one stays: the last to begin, or the first to be whole.

    Raises:
        ArchiveError: the folder is there already or can't be written, or a row is larger than any that is loaded.
        ConfigurationError: a table that no imported model describes may have rows of the organization.
        OrganizationDeletedError: the organization is deleted; restore it first.
        NotFoundError: there is no such organization.
    """
    try:
        if folder.exists():
            raise ArchiveError(f"{folder} is there already")
        with db.engine.connect() as connection:
            known_graph(connection)  # or it raises: rows would be left out
        folder.parent.mkdir(parents=True, exist_ok=True)
        with db.get_session(organization_id=organization_id, time_limits=BULK) as session:
            return _exported(session, folder)
    except OSError as error:
        raise ArchiveError(f"{folder} can't be written: {error.strerror}") from error


def _exported(session: TenantSession, folder: Path) -> Manifest:
    _hold_the_moment(session)
    organization = OrganizationRepository(session).require(session.organization_id)
    # Before its own is made: else two that end at once could take away each other's.
    for left in folder.parent.glob(f"{escape(folder.name)}.????????.part"):
        shutil.rmtree(left, ignore_errors=True)
    part = Path(mkdtemp(prefix=f"{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        manifest = Manifest(
            organization_id=organization.id,
            slug=organization.slug,
            exported_at=utcnow(),
            tables=tuple(_table(session, part, table) for table in organization_graph().order),
        )
        _write(part / MANIFEST, [manifest.model_dump_json(indent=2).encode()])
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def _hold_the_moment(session: TenantSession) -> None:
    """Have all reads of the session see what was committed before the first."""
    if session.get_bind().dialect.name == "sqlite":
        driver: Any = Session.connection(session).connection.driver_connection
        driver.execute("BEGIN")
    else:
        Session.connection(session, execution_options={"isolation_level": "REPEATABLE READ"})


def _table(session: TenantSession, part: Path, table: Table) -> TableFile:
    path = path_of(part, table.name)
    rows = _write(path, _lines(session, table))
    return TableFile(table=table.name, rows=rows, sha256=digest_of(path))


def _lines(session: TenantSession, table: Table) -> Iterator[bytes]:
    model, schema, last = model_of(table), row_schema(table), 0
    names = list(schema.model_fields)
    rows: Any = cast(Any, select)(*(getattr(model, name) for name in names)).order_by(col(model.id)).limit(_AT_ONCE)
    if is_organization(model):
        rows = rows.where(col(model.id) == session.organization_id)
    if issubclass(model, Entity):
        rows = including_deleted(rows)
    found: Sequence[Sequence[Any]]
    while found := cast(Any, session).exec(rows.where(col(model.id) > last)).all():
        for row in found:
            values = dict(zip(names, row, strict=True))
            line = schema.model_construct(**values).model_dump_json().encode() + b"\n"
            yield within_limit(line, f"{table.name}, id {values['id']}")
        last = found[-1][names.index("id")]


def _write(path: Path, lines: Iterator[bytes] | list[bytes]) -> int:
    """Write a file that is on the disk before anything says so; how many lines."""
    with path.open("wb") as file:
        number = 0
        for line in lines:
            file.write(line)
            number += 1
        file.flush()
        os.fsync(file.fileno())
    return number
