"""Sessions bound to an organization, and what guards them."""

from . import managed
from .acting import acting, checked
from .acting import forget as forget_acting
from .guard import prebuilt
from .liveness import including_deleted
from .options import ADMITS_DELETED, INCLUDE_DELETED, PURGING, READS, TRUSTED
from .organizations import forget_live
from .records import refuse_record
from .sessions import DomainSession, SystemSession, TenantSession
from .setting import refuse_unstorable
from .shown import note_shown

__all__ = [
    "ADMITS_DELETED",
    "INCLUDE_DELETED",
    "PURGING",
    "READS",
    "TRUSTED",
    "DomainSession",
    "SystemSession",
    "TenantSession",
    "acting",
    "checked",
    "forget_acting",
    "forget_live",
    "including_deleted",
    "managed",
    "note_shown",
    "prebuilt",
    "refuse_record",
    "refuse_unstorable",
]
