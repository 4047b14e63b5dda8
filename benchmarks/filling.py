"""The data: organizations, each with its tenders of about 1.5 KB, made by the server itself."""

from datetime import UTC, datetime
from decimal import Decimal

from psycopg2 import extensions

from .contenders import Content

DESCRIPTION = "Works as in the annex: groundworks, two spans, approach roads, lighting and signs. " * 14

ORGANIZATIONS = """
INSERT INTO organizations (name, slug, subscription_tier, monthly_analysis_limit, monthly_analysis_count,
                           usage_period, is_active, legal_hold)
SELECT 'Organization ' || n, 'org-' || n, 'pro', 2000000000, 0, date_trunc('month', now() AT TIME ZONE 'UTC'),
       true, false
FROM generate_series(%s, %s) n"""
# A quarter is pending, spread over the whole time.
TENDERS = """
INSERT INTO tenders (organization_id, created_at, updated_at, status, external_id, source, title, description,
                     organization_name, deadline, estimated_value, currency, url, location, categories,
                     notice_status, published_at)
SELECT o, made, made, (array['pending', 'processing', 'complete', 'filtered_out'])[n %% 4 + 1],
       'ocds-' || o || '-' || n, 'ocds', 'Tender ' || n || ' of organization ' || o, %s, 'City of Bergen',
       made + interval '60 days', 1250000.00, 'EUR', 'https://example.org/notices/' || n, 'Bergen, Norway',
       '["45221110", "45233120"]', 'active', made
FROM generate_series(%s, %s) n, generate_series(%s, %s) o,
     LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 minute' + o * interval '1 millisecond' AS made) t
ORDER BY n, o"""


def fill(cursor: extensions.cursor, *, organizations: int, tenders: int, description: str = DESCRIPTION) -> None:
    """Organizations (ids from 1) with so many tenders each; then VACUUM ANALYZE."""
    cursor.execute(ORGANIZATIONS, (1, organizations))
    cursor.execute(TENDERS, (description, 1, tenders, 1, organizations))
    cursor.execute("VACUUM (FREEZE, ANALYZE)")
    cursor.execute("CHECKPOINT")


def content(number: int | str, title: str = "New tender") -> Content:
    """What a client sends for one tender."""
    return {
        "external_id": f"new-{number}",
        "source": "ocds",
        "title": f"{title} {number}",
        "description": DESCRIPTION,
        "organization_name": "City of Bergen",
        "deadline": datetime(2027, 3, 1, 12, tzinfo=UTC),
        "estimated_value": Decimal("1250000.0000"),
        "currency": "EUR",
        "url": f"https://example.org/notices/{number}",
        "location": "Bergen, Norway",
        "categories": ["45221110", "45233120"],
        "notice_status": "active",
        "published_at": datetime(2026, 5, 1, 12, tzinfo=UTC),
    }
