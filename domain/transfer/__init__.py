"""Rows on their way from one database to another."""

from .archive import ArchiveError, Manifest, TableFile
from .exporting import export_organization
from .loading import Loader, loading
from .unpacking import load_organization

__all__ = [
    "ArchiveError",
    "Loader",
    "Manifest",
    "TableFile",
    "export_organization",
    "load_organization",
    "loading",
]
