"""Sessions bound to an organization, and what guards them."""

from . import executing, guard
from .acting import acting, checked
from .acting import forget as forget_acting
from .executing import scope_engine
from .options import ADMITS_DELETED, INCLUDE_DELETED, OWN, PURGING, READS, including_deleted, own, own_options
from .organizations import forget_live
from .sessions import DomainSession
from .setting import refuse_unstorable
from .shown import note_shown
from .system_sessions import SystemSession
from .tenant_sessions import TenantSession

__all__ = [
    "ADMITS_DELETED",
    "INCLUDE_DELETED",
    "OWN",
    "PURGING",
    "READS",
    "DomainSession",
    "SystemSession",
    "TenantSession",
    "acting",
    "checked",
    "executing",
    "forget_acting",
    "forget_live",
    "guard",
    "including_deleted",
    "note_shown",
    "own",
    "own_options",
    "refuse_unstorable",
    "scope_engine",
]
