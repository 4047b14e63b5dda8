"""OpenTelemetry's instrumentor of psycopg2 traces each statement, without a value."""

from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor  # pyright: ignore[reportMissingTypeStubs]  # has none
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from domain import Database, OrganizationRepository, TenantSession, TenderRepository

SECRET = "a-slug-that-nobody-guesses"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans of all connections that are opened meanwhile."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    Psycopg2Instrumentor().instrument(tracer_provider=provider)
    yield exporter
    Psycopg2Instrumentor().uninstrument()
    provider.shutdown()


def test_each_statement_has_a_span_without_values(domain_postgresql: Database, spans: InMemorySpanExporter) -> None:
    domain_postgresql.engine.dispose()  # connections from before are not traced

    def unit(session: TenantSession) -> str:
        tenders = TenderRepository(session)
        tender = tenders.create(title=SECRET)
        assert OrganizationRepository(session).get_by_slug(SECRET) is None
        return tenders.require(tender.id).title

    domain_postgresql.engine.connect().close()
    spans.clear()
    assert domain_postgresql.run(unit, organization_id=1, actor=SECRET) == SECRET
    finished = spans.get_finished_spans()
    statements = [str(dict(span.attributes or {}).get("db.statement")) for span in finished]
    assert [statement.split(maxsplit=1)[0] for statement in statements] == ["INSERT", "SELECT", "SELECT"]
    assert SECRET not in "".join(span.to_json() for span in finished)
