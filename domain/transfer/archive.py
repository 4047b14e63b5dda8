"""An organization in a folder: a file of JSON Lines for each table, and a manifest with their counts and hashes."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from sqlalchemy import Table

from ..errors import ConfigurationError, DomainError
from ..kit.model import DomainModel
from ..kit.model.graph import Graph, graph_of
from ..kit.model.registry import model_of
from ..kit.model.tables import ORGANIZATIONS, organization_column
from ..kit.repository.bulk_rows import reason_of
from ..version import REVISION

MANIFEST = "manifest.json"
LARGEST = 64_000_000
"""Bytes of one row, or of the manifest: reading one costs several times as much memory."""
_AS_STORED = ConfigDict(
    arbitrary_types_allowed=True,
    extra="forbid",
    protected_namespaces=(),
    ser_json_bytes="base64",
    ser_json_inf_nan="strings",
    val_json_bytes="base64",
)


class ArchiveError(DomainError):
    """An archive can't be written or read; nothing was loaded."""


class TableFile(BaseModel, frozen=True, extra="forbid"):
    """The rows of one table, in ``<table>.jsonl``."""

    table: str
    rows: int
    sha256: str


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """The contents of an archive, its tables in the order of their foreign keys; written last."""

    format: Literal[1] = 1
    revision: str = REVISION
    organization_id: int
    slug: str
    exported_at: datetime
    tables: tuple[TableFile, ...]

    @property
    def rows(self) -> int:
        """How many rows in all."""
        return sum(file.rows for file in self.tables)


def organization_graph() -> Graph:
    """The tables of organizations, an application's included; without the trail, which every database writes itself."""
    tables = DomainModel.metadata.tables.values()
    return graph_of(t for t in tables if organization_column(t) is not None and not t.info.get("written_by_triggers"))


@lru_cache(maxsize=256)
def row_schema(table: Table) -> type[BaseModel]:
    """The schema of a stored row as JSON, which gives back the same values; no serializer of the model's is asked."""
    computed = {column.key for column in table.c if column.computed is not None}
    fields: dict[str, Any] = {
        name: (field.annotation, ...) for name, field in model_of(table).model_fields.items() if name not in computed
    }
    return create_model(f"{table.name}_row", __config__=_AS_STORED, **fields)


def read_manifest(folder: Path) -> Manifest:
    """The manifest, once every file has been found to be what it says, and the archive to be one whole organization.

    Raises:
        ArchiveError: the folder is no archive, of another revision, or not as it was written.
        ConfigurationError: it has a table that no imported model describes.
    """
    try:
        with (folder / MANIFEST).open("rb") as written:
            manifest = Manifest.model_validate_json(written.read(LARGEST))
    except OSError as error:
        raise ArchiveError(f"{folder} is no finished archive: its {MANIFEST} can't be read") from error
    except ValidationError as error:
        raise ArchiveError(f"{folder / MANIFEST}: {reason_of(error)}") from None
    if manifest.revision != REVISION:
        raise ArchiveError(f"{folder} is of revision {manifest.revision}, and this release of {REVISION}")
    known = {table.name: table for table in organization_graph().order}
    named = [file.table for file in manifest.tables]
    if unknown := [name for name in named if name not in known]:
        raise ConfigurationError(
            f"no imported model describes {', '.join(unknown)}: import the application's models first (--models)"
        )
    if wrong := [name for name in known if named.count(name) != 1]:
        raise ArchiveError(f"{folder / MANIFEST} has to name each of these tables once: {', '.join(wrong)}")
    for file in manifest.tables:
        path = path_of(folder, file.table)
        if not path.is_file() or digest_of(path) != file.sha256:
            raise ArchiveError(f"{path} is not as it was written")
    # Else rows would go to an organization that is there already.
    own = [(row["id"], row["slug"]) for row in read_rows(folder, known[ORGANIZATIONS], manifest)]
    if own != [(manifest.organization_id, manifest.slug)]:
        raise ArchiveError(f"{path_of(folder, ORGANIZATIONS)} is not the one row that {MANIFEST} tells of")
    return manifest


def read_rows(folder: Path, table: Table, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """The stored rows of one table.

    Raises:
        ArchiveError: a line is no row of the model or too large, or there are not as many as the manifest says.
    """
    path, schema, number = path_of(folder, table.name), row_schema(table), 0
    with path.open("rb") as lines:
        for number, line in enumerate(iter(partial(lines.readline, LARGEST + 1), b""), 1):
            try:
                yield dict(schema.model_validate_json(within_limit(line, f"{path}, line {number}")))
            except ValidationError as error:
                raise ArchiveError(f"{path}, line {number}: {reason_of(error)}") from None
    if [number] != [file.rows for file in manifest.tables if file.table == table.name]:
        raise ArchiveError(f"{path} has {number} rows, which is not what {MANIFEST} says")


def within_limit(line: bytes, place: str) -> bytes:
    """The line itself. Raises ArchiveError where it is larger than any that would be read."""
    if len(line) > LARGEST:
        raise ArchiveError(f"{place}: a row of more than {LARGEST // 1_000_000} MB")
    return line


def path_of(folder: Path, table: str) -> Path:
    """The file of a table."""
    return folder / f"{table}.jsonl"


def digest_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
