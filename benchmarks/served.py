"""``python -m benchmarks.served NAME URL``: one contender behind the same FastAPI; prints the port, then serves.

A request names the organization by a header, as if the login were known. The routes, their parameters, the validation
of what comes in and the document are the same for all; a contender differs in what it does for an answer.
"""

import socket
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import orjson
import uvicorn
from fastapi import FastAPI, Header, Response
from fastapi.concurrency import run_in_threadpool

from domain import NotFoundError, Page, Tender, TenderContent, TenderPublic, TenderRepository
from domain.fastapi import PageParams, install_errors

from .contenders.alchemy import AdvancedAlchemy
from .contenders.contender import Contender
from .contenders.floor import COLUMNS, Floor
from .contenders.naive_sqlmodel import NaiveSQLModel
from .contenders.ours import Ours
from .contenders.sqlalchemy_orm import SQLAlchemyOrm

Organization = Annotated[int, Header(alias="X-Organization")]


class Behind:
    """Objects, which FastAPI validates and serializes. Each call is made in a thread, and nothing else is.

    (FastAPI takes a thread for a plain function, and then another one for the validation of what it returns.)
    """

    def __init__(self, contender: Contender) -> None:
        self.contender: Any = contender

    async def get(self, organization_id: int, tender_id: int) -> Any:
        return await run_in_threadpool(self.contender.get, organization_id, tender_id)

    async def page(self, organization_id: int, **_page: Any) -> Any:
        return {"items": await run_in_threadpool(self.contender.list_newest, organization_id)}

    async def create(self, organization_id: int, body: TenderContent) -> Any:
        return await run_in_threadpool(self.contender.create, organization_id, body.model_dump())


class BehindFloor(Behind):
    """Tuples, which orjson serializes."""

    SHOWN = tuple((place, name) for place, name in enumerate(COLUMNS.split(", ")) if name in TenderPublic.model_fields)

    async def get(self, organization_id: int, tender_id: int) -> Any:
        row = await super().get(organization_id, tender_id)
        return None if row is None else self.answer(self.shown(row))

    async def page(self, organization_id: int, **_page: Any) -> Any:
        found = await super().page(organization_id)
        return self.answer({"items": [self.shown(row) for row in found["items"]]})

    async def create(self, organization_id: int, body: TenderContent) -> Any:
        return self.answer(self.shown(await super().create(organization_id, body)), 201)

    def shown(self, row: Any) -> dict[str, Any]:
        return {name: row[place] for place, name in self.SHOWN}

    def answer(self, content: Any, status: int = 200) -> Response:
        return Response(orjson.dumps(content, default=str, option=orjson.OPT_UTC_Z), status, None, "application/json")


class BehindOurs(Behind):
    """Rows, read into what is answered."""

    async def get(self, organization_id: int, tender_id: int) -> TenderPublic | None:
        tenant = self.contender.database.tenant(organization_id)
        return await tenant.arun(lambda session: TenderRepository(session).get(tender_id, as_=TenderPublic))

    async def page(self, organization_id: int, **page: Any) -> Page[TenderPublic]:
        tenant = self.contender.database.tenant(organization_id)
        return await tenant.arun(lambda session: TenderRepository(session).page(as_=TenderPublic, **page))

    async def create(self, organization_id: int, body: TenderContent) -> Tender:
        tenant = self.contender.database.tenant(organization_id)
        return await tenant.arun(lambda session: TenderRepository(session).add(Tender.model_validate(body)))


KINDS: dict[type[Contender], type[Behind]] = {
    Floor: BehindFloor,
    Ours: BehindOurs,
    SQLAlchemyOrm: Behind,
    NaiveSQLModel: Behind,
    AdvancedAlchemy: Behind,
}


def application(behind: Behind) -> FastAPI:
    app = FastAPI()
    install_errors(app)

    @app.get("/tenders/{tender_id}", response_model=TenderPublic)
    async def read_tender(tender_id: int, organization: Organization) -> Any:
        found = await behind.get(organization, tender_id)
        if found is None:
            raise NotFoundError(Tender, tender_id)
        return found

    @app.get("/tenders", response_model=Page[TenderPublic])
    async def list_tenders(organization: Organization, page: PageParams) -> Any:
        return await behind.page(organization, **page)

    @app.post("/tenders", response_model=TenderPublic, status_code=201)
    async def create_tender(body: TenderContent, organization: Organization) -> Any:
        return await behind.create(organization, body)

    @app.get("/cpu")
    async def cpu() -> float:
        return time.process_time()

    return app


def main(name: str, url: str) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    contender = kind(url)
    # Of this protocol by name: asyncio sends at once (TCP_NODELAY) where it sees that.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)
        made: Callable[[Contender], Behind] = KINDS[kind]
        config = uvicorn.Config(
            application(made(contender)), log_level="warning", access_log=False, timeout_keep_alive=3600
        )
        uvicorn.Server(config).run(sockets=[listening])
    contender.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
