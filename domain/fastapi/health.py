"""The routes that a load balancer or an orchestrator probes."""

from fastapi import APIRouter, Response

from .dependencies import CurrentDatabase
from .problems import MEDIA_TYPE, answer, problem_of


def health_routes() -> APIRouter:
    """A router with ``/healthz`` and ``/readyz``, outside the OpenAPI document::

    app.include_router(health_routes())

    ``/healthz`` answers 200 as long as the process does. ``/readyz`` answers 200 where ``db.ready()`` is true, else 503
    with a problem whose detail has the reasons: they show no secret, but names of tables and logins.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> dict[str, str]:  # no thread: it is answered while all of them are busy
        return {"status": "ok"}

    @router.get("/readyz")
    def ready(db: CurrentDatabase) -> Response:
        found = db.ready()
        if found:
            return answer({"status": "ok"}, 200, "application/json")
        return answer(problem_of(503, "Not ready", detail="; ".join(found.reasons)), 503, MEDIA_TYPE)

    return router
