"""The floor: SQL written by hand, psycopg2, tuples, no row level security."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from psycopg2 import extensions
from psycopg2.extras import Json, execute_values
from psycopg2.pool import ThreadedConnectionPool

from ..operations import DEPTH, PAGE
from .contender import Contender, Content, Facts

CONTENT = (
    "external_id, source, title, description, organization_name, deadline, estimated_value, currency, url,"
    " location, categories, notice_status, published_at"
)
NAMES = CONTENT.split(", ")
COLUMNS = (
    "id, organization_id, created_at, updated_at, version, is_deleted, deleted_at, deletion_id, status,"
    f" processing_time, error_message, {CONTENT}"
)
OWN = "organization_id = %s AND NOT is_deleted"
GET = f"SELECT {COLUMNS} FROM tenders WHERE {OWN} AND id = %s"
NEWEST = f"SELECT {COLUMNS} FROM tenders WHERE {OWN} ORDER BY created_at DESC, id DESC LIMIT {PAGE} OFFSET %s"
KEYSET = (
    f"SELECT {COLUMNS} FROM tenders WHERE {OWN} AND (created_at, id) < (%s, %s)"
    f" ORDER BY created_at DESC, id DESC LIMIT {PAGE}"
)
COUNT = f"SELECT count(*) FROM tenders WHERE {OWN} AND status = %s"
CREATE = (
    f"INSERT INTO tenders (organization_id, status, {CONTENT})"
    f" VALUES (%s, 'pending', {', '.join(['%s'] * len(NAMES))}) RETURNING {COLUMNS}"
)
UPDATE_STATUS = (
    "UPDATE tenders SET status = %s, error_message = NULL, updated_at = now(), version = version + 1"
    f" WHERE {OWN} AND id = %s"
)
SOFT_DELETE = (
    "UPDATE tenders SET is_deleted = true, deleted_at = now(), deletion_id = gen_random_uuid(),"
    f" updated_at = now(), version = version + 1 WHERE {OWN} AND id = %s"
)
BY_SLUG = "SELECT id, name, slug, is_active FROM organizations WHERE slug = %s AND NOT is_deleted"
METER = """
UPDATE organizations SET
    monthly_analysis_count = CASE WHEN usage_period >= %(period)s THEN monthly_analysis_count ELSE 0 END + 1,
    usage_period = greatest(usage_period, %(period)s)
WHERE id = %(id)s AND NOT is_deleted AND is_active
    AND CASE WHEN usage_period >= %(period)s THEN monthly_analysis_count ELSE 0 END < monthly_analysis_limit"""
CREATE_MANY = f"INSERT INTO tenders (organization_id, status, {CONTENT}) VALUES %s"
ON_CONFLICT = (
    "ON CONFLICT (organization_id, external_id) WHERE NOT is_deleted DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in NAMES[1:])
    + ", updated_at = now(), version = tenders.version + 1"
)


class Floor(Contender):
    name = "psycopg2"

    def __init__(self, url: str) -> None:
        self.pool = ThreadedConnectionPool(1, 20, url.replace("postgresql+psycopg2", "postgresql"))

    def close(self) -> None:
        self.pool.closeall()

    @contextmanager
    def transaction(self) -> Generator[extensions.cursor]:
        connection = self.pool.getconn()
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        finally:
            self.pool.putconn(connection)

    def facts(self, row: Any) -> Facts:
        return row[1], row[0], row[NAMES.index("title") + 11]

    def get(self, organization_id: int, tender_id: int) -> Any:
        with self.transaction() as cursor:
            cursor.execute(GET, (organization_id, tender_id))
            return cursor.fetchone()

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Any]:
        with self.transaction() as cursor:
            cursor.execute(NEWEST, (organization_id, offset))
            return cursor.fetchall()

    def count(self, organization_id: int, status: str) -> int:
        with self.transaction() as cursor:
            cursor.execute(COUNT, (organization_id, status))
            return cursor.fetchone()[0]

    def create(self, organization_id: int, content: Content) -> Any:
        with self.transaction() as cursor:
            cursor.execute(CREATE, (organization_id, *values(content)))
            return cursor.fetchone()

    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool:
        with self.transaction() as cursor:
            cursor.execute(UPDATE_STATUS, (status, organization_id, tender_id))
            return cursor.rowcount == 1

    def soft_delete(self, organization_id: int, tender_id: int) -> bool:
        with self.transaction() as cursor:
            cursor.execute(SOFT_DELETE, (organization_id, tender_id))
            return cursor.rowcount == 1

    def cursor(self, organization_id: int, depth: int = DEPTH) -> Any:
        with self.transaction() as cursor:
            cursor.execute(NEWEST, (organization_id, depth - 1))
            row = cursor.fetchone()
        return row[2], row[0]

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Any]:
        with self.transaction() as statement:
            statement.execute(KEYSET, (organization_id, *cursor))
            return statement.fetchall()

    def mixed(self, slug: str, content: Content) -> Sequence[Any]:
        with self.transaction() as cursor:
            cursor.execute(BY_SLUG, (slug,))
            organization_id = cursor.fetchone()[0]
            cursor.execute(METER, {"id": organization_id, "period": datetime.now(UTC).date().replace(day=1)})
            assert cursor.rowcount == 1
            cursor.execute(CREATE, (organization_id, *values(content)))
            cursor.execute(NEWEST, (organization_id, 0))
            return cursor.fetchall()

    def create_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.transaction() as cursor:
            given = [(organization_id, "pending", *values(row)) for row in rows]
            return execute_values(cursor, f"{CREATE_MANY} RETURNING id", given, page_size=1000, fetch=True)

    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.transaction() as cursor:
            given = [(organization_id, "pending", *values(row)) for row in rows]
            statement = f"{CREATE_MANY} {ON_CONFLICT} RETURNING id, version = 1"
            return execute_values(cursor, statement, given, page_size=1000, fetch=True)


def values(content: Content) -> list[Any]:
    return [Json(content[name]) if name == "categories" else content[name] for name in NAMES]
