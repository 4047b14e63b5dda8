"""The version, as in SemVer over ``domain.__all__``, and the schema that it works with."""

VERSION = "0.1.0"
REVISION = "0001"
"""The newest migration: revisions are numbers, counted up."""
VERSION_TABLE = "domain_version"
"""The table of the revision that a database is at."""
