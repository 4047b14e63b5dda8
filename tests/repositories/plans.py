"""The plans that PostgreSQL makes for what the repositories send, under row level security."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection, event
from sqlmodel import select

from domain import Database, TenantEntity, TenantSession
from domain.migrations.trees import domain_tables
from domain.testing import build
from domain.testing.attack.discovery import references, tenant_models

Sent = list[tuple[str, Any]]
Plan = dict[str, Any]

# Organization 1 has 800 tenders of 6,800; every tender has an analysis, a bid and a notice.
FILL = """
INSERT INTO organizations (name, slug, subscription_tier, monthly_analysis_limit, monthly_analysis_count,
                           usage_period, is_active, legal_hold)
SELECT 'Organization ' || n, 'org-' || n, 'free', 1000, 0, date '2026-01-01', true, false
FROM generate_series(3, 1200) n;
INSERT INTO users (organization_id, email, hashed_password, full_name, role, is_active, is_verified)
SELECT o, 'user-' || n || '@org-' || o || '.example', 'hash', 'Ann', 'member', true, true
FROM generate_series(1, 1000) o, generate_series(1, 5) n;
INSERT INTO api_keys (organization_id, name, role, digest)
SELECT o, 'Nightly import', 'member', md5(o || ' ' || n) || md5(n || ' ' || o)
FROM generate_series(1, 1000) o, generate_series(1, 5) n;
INSERT INTO purged_tenders (organization_id, external_id)
SELECT o, 'purged-' || n FROM generate_series(1, 1000) o, generate_series(1, 20) n;
INSERT INTO tenders (organization_id, created_at, deadline, estimated_value, status, external_id, title, description,
                     categories)
SELECT o, timestamptz '2026-01-01' + n * interval '1 minute',
       CASE WHEN mod(n, 2) = 0 THEN timestamptz '2027-01-01' + n * interval '1 hour' END,
       CASE WHEN mod(n, 2) = 0 THEN n * 100.25 END, 'pending', 'ocds-' || n, 'Bridge', repeat('x', 500), '[]'
FROM generate_series(1, 301) o, LATERAL generate_series(1, CASE o WHEN 1 THEN 800 ELSE 20 END) n;
INSERT INTO analysis_results (organization_id, tender_id, is_relevant, confidence, overall_score, filter_categories,
                              strengths, risks, requirements)
SELECT organization_id, id, true, 1, mod(id, 10), '[]', '[]', '[]', '[]' FROM tenders;
INSERT INTO bid_documents (organization_id, tender_id, executive_summary, capabilities, approach, value_proposition,
                           additional_sections)
SELECT organization_id, id, 'a', 'b', 'c', 'd', '{}' FROM tenders;
INSERT INTO tender_notices (organization_id, tender_id, digest, content, package)
SELECT organization_id, id, repeat('0', 64), '{}', '{}' FROM tenders;
"""


def fill(database: Database) -> None:
    """Enough rows that an index is worth its while. No setting is touched: the planner decides as in production."""
    with database.migration_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(FILL)
        ours = domain_tables()
        for model in tenant_models(database):
            if model.__table__ in ours and str(model.__tablename__) not in FILL:
                _fill_other(database, model)
        connection.exec_driver_sql("VACUUM (ANALYZE)")


def _fill_other(database: Database, model: type[TenantEntity]) -> None:
    """Rows of a model that is not named above, in many organizations."""
    for organization in range(1, 201):
        with database.get_session(organization_id=organization) as session:
            found = {name: session.exec(select(other.id).limit(20)).all() for name, other in references(model).items()}
            rows = [build(model, **dict(zip(found, ids, strict=True))) for ids in zip(*found.values(), strict=False)]
            session.add_all(rows)


@contextmanager
def recorded(database: Database) -> Generator[Sent]:
    """The statements that the application's login sends, without the setting that travels in front of them."""
    sent: Sent = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement.rpartition("; ")[2], parameters))

    event.listen(database.engine, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", record)


def plans_of(
    database: Database,
    call: Callable[[TenantSession], object],
    *,
    organization_id: int | None,
    settings: dict[str, str],
) -> list[tuple[str, Plan]]:
    """Each statement of the call with its plan, made for the application's login under these settings."""
    with recorded(database) as sent, TenantSession(database.engine, organization_id=organization_id) as session:
        call(session)
        session.rollback()
    planned = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
    with database.engine.connect() as connection:
        for name, value in settings.items():
            connection.exec_driver_sql("SELECT set_config(%s, %s, true)", (name, value))
        return [(text, explained(connection, text, values)) for text, values in sent if text.startswith(planned)]


def explained(connection: Connection, statement: str, parameters: Any, options: str = "") -> Plan:
    """The plan of a statement; of the first of many parameters."""
    many = isinstance(parameters, list)
    first: Any = next(iter(cast(Iterable[Any], parameters))) if many else parameters
    plan: Plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON{options}) {statement}", first).scalar_one()[0][
        "Plan"
    ]
    return plan


def nodes(plan: Plan) -> Iterator[Plan]:
    """The plan's nodes."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)
