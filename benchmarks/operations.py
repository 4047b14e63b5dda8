"""The operations that are measured, and how slow ours may be: in a process, at most so many times SQLAlchemy's ORM.

Not so many times the floor: half of a call is Python's and half the round trips', and machines differ in which is
slow. One release's get took 1.4 times the floor on one machine and 3.3 on another, 0.75 and 0.84 of the ORM's time.
"""

from typing import NamedTuple

FLOOR = "psycopg2"
OURS = ("ours",)  # what the audit trail costs beyond is shown beside it, and judged by audit_cost.py
PEER = "SQLAlchemy ORM"
PAGE, DEPTH = 50, 900


class Operation(NamedTuple):
    """``calls`` in one round; ``limit`` as a multiple of what ``to`` takes, without row level security."""

    name: str
    title: str
    limit: float
    calls: int = 40
    to: str = PEER

    @property
    def is_bulk(self) -> bool:
        """One call writes 10,000 rows."""
        return self.calls == 1


OPERATIONS = (
    Operation("get", "get by id", 1.15),
    Operation("list_newest", "list newest 50", 1.15),
    Operation("count", "count by status", 0.85),
    Operation("create", "create one", 1.15),
    Operation("update_status", "update status", 1.15),
    Operation("soft_delete", "soft delete", 2.0),  # with what belongs to it; the ORM: one UPDATE
    Operation("page_by_offset", "page at offset 900", 1.25),
    Operation("page_by_keyset", "page by keyset at 900", 1.15),
    Operation("mixed", "slug, usage, create, list 50", 1.15),
    Operation("create_many", "create 10,000", 0.9, calls=1),
    Operation("upsert_many", "upsert 10,000, half existing", 0.9, calls=1),
)
