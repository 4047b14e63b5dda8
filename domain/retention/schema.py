"""The tables that purge treats unlike others."""

from ..kit.records import AuditEntry
from ..organizations.model import Organization

TRAIL = AuditEntry.__table__  # purging an organization's rows still writes to it: it goes after them
ORGANIZATIONS = Organization.__table__
