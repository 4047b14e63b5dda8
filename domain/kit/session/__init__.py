"""Sessions bound to an organization, and what guards them.

A hand-written statement passes ``guard`` (refuses and marks it), ``reading_compiler`` and ``writing_compiler`` (write
the organization wherever a table stands), ``executing`` (fills in the session's ``bound_organization_id``:
``get_session`` or the first repository argument gives it), and then the database's own scope.
"""

from . import executing as executing
from . import guard as guard
from .actors import checked as checked
from .executing import is_read_only as is_read_only
from .executing import scope_engine as scope_engine
from .options import ADMITS_DELETED as ADMITS_DELETED
from .options import INCLUDE_DELETED as INCLUDE_DELETED
from .options import OWN as OWN
from .options import PURGING as PURGING
from .options import READS as READS
from .options import including_deleted as including_deleted
from .options import own as own
from .options import own_options as own_options
from .read_sessions import ReadSession as ReadSession
from .read_sessions import underlying as underlying
from .savepoints import expire_on_savepoint_rollback as expire_on_savepoint_rollback
from .sessions import DomainSession as DomainSession
from .setting import READ_ONLY_SETTING as READ_ONLY_SETTING
from .setting import checked_int as checked_int
from .setting import refuse_unstorable as refuse_unstorable
from .system_sessions import SystemSession as SystemSession
from .tenant_sessions import TenantSession as TenantSession
