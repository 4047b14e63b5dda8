"""Records of the library itself: the audit trail, purges, and work across organizations."""

from .audit import AuditAction as AuditAction
from .audit import AuditEntry as AuditEntry
from .audit import AuditEntryPublic as AuditEntryPublic
from .of_the_system import PurgeRecord as PurgeRecord
from .of_the_system import SystemAccess as SystemAccess
