"""The route that Prometheus scrapes, and the dashboard that reads what it gives."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from domain import Database, TenantSession, TenderRepository, UnavailableError
from domain.fastapi.metrics import metrics_route
from domain.metrics import Instrumentation
from tests.metrics.scraping import Scrape

DASHBOARD = Path(__file__).parents[2] / "examples" / "monitoring" / "grafana.json"
_METRIC = re.compile(r"\bdb_\w+")


@pytest.fixture
def app(registry: CollectorRegistry) -> FastAPI:
    app = FastAPI()
    app.include_router(metrics_route(registry))
    return app


@pytest.mark.usefixtures("measured")
def test_the_route_is_scraped(domain_db: Database, app: FastAPI) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Harbour bridge")
    answer = TestClient(app).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert Scrape(answer.text).queries == {("insert", "tenders"): 1}
    assert app.openapi()["paths"] == {}


@pytest.mark.usefixtures("measured")
def test_a_scraper_that_takes_openmetrics_gets_it(app: FastAPI) -> None:
    answer = TestClient(app).get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


def test_the_route_stands_where_it_is_put_and_behind_what_guards_it(registry: CollectorRegistry) -> None:
    def operators_only(authorization: Annotated[str, Header()] = "") -> None:
        if authorization != "Bearer right":
            raise HTTPException(401)

    app = FastAPI()
    app.include_router(metrics_route(registry, path="/internal/db"), dependencies=[Depends(operators_only)])
    client = TestClient(app)
    assert client.get("/internal/db").status_code == 401
    assert client.get("/internal/db", headers={"Authorization": "Bearer right"}).status_code == 200


def test_each_metric_of_the_dashboard_is_in_a_scrape(
    domain_db: Database, measured: Instrumentation, scrape: Callable[[], Scrape]
) -> None:
    attempts: list[int] = []

    def unit(session: TenantSession) -> None:
        attempts.append(TenderRepository(session).count())
        if len(attempts) == 1:
            raise UnavailableError("busy", retryable=True)

    domain_db.run(unit, organization_id=1)
    with domain_db.engine.connect() as connection:
        connection.invalidate(ConnectionError("lost"))
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    named = {name for expression in expressions for name in _METRIC.findall(expression)}
    assert len(named) >= 9
    assert named <= scrape().names


def test_each_metric_that_there_is_has_its_place_in_the_dashboard(measured: Instrumentation) -> None:
    shown = DASHBOARD.read_text("utf-8")
    names = {metric.name for metric in measured.collect()}
    assert len(names) == 8
    assert {name for name in names if name not in shown} == set()
