"""Rows put into the tables as they are, whatever age, and what is left of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, select

from domain import AnalysisResult, AuditEntry, BidDocument, Database, Entity, Organization, Tender, User, utcnow
from domain.kit.records import PurgeRecord, SystemAccess
from domain.retention import PurgeCount
from domain.testing import build
from tests.retention.kinds import Branch, Remark, Section, Unit

MODELS: tuple[type[Entity], ...] = (
    Organization,
    Unit,
    User,
    Tender,
    AnalysisResult,
    BidDocument,
    Section,
    Remark,
    Branch,
)
LONG_AGO = 400
Left = dict[str, set[int]]


def put(
    database: Database, model: type[Entity], /, *, deleted_days_ago: float | None = None, **fields: object
) -> Mapping[str, Any]:
    """Store one row; its columns."""
    with database.migration_engine.begin() as connection:
        return put_by(connection, model, deleted_days_ago=deleted_days_ago, **fields)


def put_by(
    connection: Connection, model: type[Entity], /, *, deleted_days_ago: float | None = None, **fields: object
) -> Mapping[str, Any]:
    """The same within a transaction."""
    deleted: dict[str, object] = {}
    if deleted_days_ago is not None:
        deleted = {
            "is_deleted": True,
            "deleted_at": utcnow() - timedelta(days=deleted_days_ago),
            "deletion_id": fields.pop("deletion_id", None) or uuid4(),
        }
    entity = build(model, **fields, **deleted)
    table = model.__table__
    values = {column.key: getattr(entity, column.key) for column in table.c if column.computed is None}
    statement = insert(table).values({name: value for name, value in values.items() if value is not None})
    return dict(connection.execute(statement.returning(*table.c)).mappings().one())


def left(database: Database, models: Sequence[type[Entity]] = MODELS) -> Left:
    """The ids in each table."""
    with database.migration_engine.connect() as connection:
        return {str(m.__tablename__): set(connection.scalars(select(m.__table__.c.id))) for m in models}


def without_trail(counts: Sequence[PurgeCount]) -> list[PurgeCount]:
    """The trail of an organization that goes grows while its rows do: nobody can plan by how much."""
    return [count for count in counts if count.table != AuditEntry.__tablename__]


def trail_of(database: Database, organization_id: int) -> int:
    """How many entries the audit trail has of an organization."""
    entries = AuditEntry.__table__
    with database.migration_engine.connect() as connection:
        number = select(func.count()).where(entries.c.organization_id == organization_id)
        return connection.execute(number).scalar_one()


def clear(database: Database) -> None:
    """Empty every table that these tests write to."""
    with database.migration_engine.begin() as connection:
        models: list[type[Entity]] = [PurgeRecord, SystemAccess, *reversed(MODELS)]
        for model in models:
            connection.execute(model.__table__.delete())
        connection.execute(AuditEntry.__table__.delete())


def same_deletion() -> UUID:
    """For rows that are deleted as one."""
    return uuid4()
