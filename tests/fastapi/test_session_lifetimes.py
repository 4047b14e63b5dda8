"""Work that outlives its request opens a session of its own; one that has ended refuses it, and keeps no connection."""

import logging
from collections.abc import Iterator

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from sqlalchemy import QueuePool

from domain import Database, TenantHandle, Tender, TenderRepository, TenderStatus
from domain.fastapi import install_errors
from domain.testing import build


@pytest.fixture
def tenant(domain_db: Database) -> Iterator[TenantHandle]:
    """Organization 1, over a pool that one lost connection exhausts."""
    url = domain_db.engine.url.render_as_string(hide_password=False)
    with Database(url, pool_size=1, max_overflow=0, pool_timeout=1) as database:
        yield database.tenant(1)


def served(app: FastAPI) -> TestClient:
    install_errors(app)
    return TestClient(app, raise_server_exceptions=False)


def lent(tenant: TenantHandle) -> int:
    pool = tenant.database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


def in_processing(tenant: TenantHandle) -> int:
    return tenant.run(lambda session: TenderRepository(session).count_by_status())[TenderStatus.PROCESSING]


def test_a_background_task_with_the_requests_session_fails_aloud(
    tenant: TenantHandle, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()

    @app.post("/")
    def create(tasks: BackgroundTasks) -> int:
        with tenant.session() as session:
            tenders = TenderRepository(session)
            tender_id = tenders.create(title="Bridge").id
            tasks.add_task(lambda: tenders.update_status(tender_id, TenderStatus.PROCESSING))
        return tender_id

    client = served(app)
    for _ in range(2):
        assert client.post("/").status_code == 200  # sent before the task ran
    assert [record.levelno for record in caplog.records if record.name.startswith("domain.")] == [logging.ERROR] * 2
    assert lent(tenant) == 0
    assert in_processing(tenant) == 0


def test_a_background_task_with_the_handle_is_stored(tenant: TenantHandle) -> None:
    app = FastAPI()

    @app.post("/")
    def create(tasks: BackgroundTasks) -> int:
        with tenant.session() as session:
            tender_id = TenderRepository(session).create(title="Bridge").id

        def later() -> None:
            tenant.run(lambda session: TenderRepository(session).update_status(tender_id, TenderStatus.PROCESSING))

        tasks.add_task(later)
        return tender_id

    assert served(app).post("/").status_code == 200
    assert in_processing(tenant) == 1


def test_a_stream_from_a_session_that_has_ended_is_no_success_and_keeps_no_connection(tenant: TenantHandle) -> None:
    app = FastAPI()

    @app.get("/")
    def csv() -> StreamingResponse:
        with tenant.session() as session:
            rows = TenderRepository(session).stream()
        return StreamingResponse((f"{row.title}\n" for row in rows), media_type="text/csv")

    client = served(app)
    tenant.run(lambda session: TenderRepository(session).create(title="Bridge"))
    for _ in range(3):  # the pool has one connection
        answer = client.get("/")
        assert "Bridge" not in answer.text
    assert lent(tenant) == 0


def test_a_stream_that_opens_its_own_session_is_whole(tenant: TenantHandle) -> None:
    app = FastAPI()

    @app.get("/")
    def csv() -> StreamingResponse:
        def lines() -> Iterator[str]:
            with tenant.session() as session:
                for row in TenderRepository(session).stream(batch_size=2):
                    yield f"{row.title}\n"

        return StreamingResponse(lines(), media_type="text/csv")

    client = served(app)
    with tenant.session() as session:
        TenderRepository(session).create_many([build(Tender, title=f"Bridge {number}") for number in range(5)])
    for _ in range(3):
        assert client.get("/").text.split("\n") == [*(f"Bridge {number}" for number in (4, 3, 2, 1, 0)), ""]
    assert lent(tenant) == 0
