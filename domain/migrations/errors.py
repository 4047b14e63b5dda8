"""The error of this package's migrations."""

from alembic.util import CommandError

from ..errors import DomainError


class MigrationError(DomainError, CommandError):
    """A migration can't be run, or was undone. The alembic command shows its message alone, as for its own errors."""
