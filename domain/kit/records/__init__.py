"""Records of the library itself: the audit trail, purges, and work across organizations."""

from .audit import AuditAction, AuditEntry, AuditEntryPublic
from .of_the_system import PurgeRecord, SystemAccess

__all__ = [
    "AuditAction",
    "AuditEntry",
    "AuditEntryPublic",
    "PurgeRecord",
    "SystemAccess",
]
