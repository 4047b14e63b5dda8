"""Importing OCDS notices: from files to releases, from releases to tenders, and into the database."""

from .files import STDIN
from .importing import import_paths
from .items import Refusal, Release, Remark
from .mapping import merge
from .reading_ahead import ReadingStoppedError
from .tally import ImportStoppedError, ImportSummary

__all__ = [
    "STDIN",
    "ImportStoppedError",
    "ImportSummary",
    "ReadingStoppedError",
    "Refusal",
    "Release",
    "Remark",
    "import_paths",
    "merge",
]
