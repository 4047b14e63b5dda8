"""The operations that are measured, and how slow ours may be: at most so many times the floor."""

from typing import NamedTuple


class Operation(NamedTuple):
    """``calls`` in one round; ``limit`` as a multiple of hand-written SQL without row level security."""

    name: str
    title: str
    limit: float
    calls: int = 40

    @property
    def is_bulk(self) -> bool:
        """One call writes 10,000 rows."""
        return self.calls == 1


OPERATIONS = (
    Operation("get", "get by id", 2.0),
    Operation("list_newest", "list newest 50", 2.0),
    Operation("count", "count by status", 1.4),
    Operation("create", "create one", 2.1),
    Operation("update_status", "update status", 1.7),
    Operation("soft_delete", "soft delete", 3.2),  # the same UPDATEs on both engines, a level at a time: see its module
    Operation("page_by_offset", "page at offset 900", 1.6),
    Operation("page_by_keyset", "page by keyset at 900", 2.1),
    Operation("mixed", "slug, usage, create, list 50", 2.3),
    Operation("create_many", "create 10,000", 1.3, calls=1),
    Operation("upsert_many", "upsert 10,000, half existing", 1.3, calls=1),
)

FLOOR = "psycopg2"
OURS = ("ours",)  # what the audit trail costs beyond is shown beside it, and judged by audit_cost.py
MUST_BE_SLOWER = ("SQLAlchemy ORM", "SQLModel", "advanced-alchemy")
PAGE, DEPTH = 50, 900
