"""Sessions bound to an organization, and what guards them.

A hand-written statement passes ``guard`` (refuses and marks it), ``reading_compiler`` and ``writing_compiler`` (write
the organization wherever a table stands), ``executing`` (fills in the session's id), and then the database's own scope.
"""

from . import executing, guard
from .actors import checked
from .executing import is_read_only, scope_engine
from .options import ADMITS_DELETED, INCLUDE_DELETED, OWN, PURGING, READS, including_deleted, own, own_options
from .read_sessions import ReadSession, underlying
from .savepoints import expire_on_savepoint_rollback
from .sessions import DomainSession
from .setting import READ_ONLY_SETTING, refuse_unstorable
from .system_sessions import SystemSession
from .tenant_sessions import TenantSession

__all__ = [
    "ADMITS_DELETED",
    "INCLUDE_DELETED",
    "OWN",
    "PURGING",
    "READS",
    "READ_ONLY_SETTING",
    "DomainSession",
    "ReadSession",
    "SystemSession",
    "TenantSession",
    "checked",
    "executing",
    "guard",
    "is_read_only",
    "including_deleted",
    "expire_on_savepoint_rollback",
    "own",
    "own_options",
    "refuse_unstorable",
    "scope_engine",
    "underlying",
]
