"""Records of the library itself: the audit trail, purges, and work across organizations."""

from .audit import AuditAction, AuditEntry, AuditEntryPublic
from .purge_record import PurgeRecord, PurgeRecordContent
from .system_access import SystemAccess, SystemAccessContent

__all__ = [
    "AuditAction",
    "AuditEntry",
    "AuditEntryPublic",
    "PurgeRecord",
    "PurgeRecordContent",
    "SystemAccess",
    "SystemAccessContent",
]
