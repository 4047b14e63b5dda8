"""Importing OCDS notices: from files to releases, from releases to tenders, and into the database."""

from .importing import import_paths
from .items import Refusal, Release
from .mapping import merge
from .reading import read
from .summary import ImportStoppedError, ImportSummary

__all__ = ["ImportStoppedError", "ImportSummary", "Refusal", "Release", "import_paths", "merge", "read"]
