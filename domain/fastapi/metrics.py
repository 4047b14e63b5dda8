"""The route that Prometheus scrapes (extras ``fastapi`` and ``metrics``)."""

from fastapi import APIRouter, Request, Response
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder


def metrics_route(registry: CollectorRegistry = REGISTRY, *, path: str = "/metrics") -> APIRouter:
    """A router with the registry's metrics at ``path``, outside the OpenAPI document::

    app.include_router(metrics_route(), dependencies=[Depends(operators_only)])
    """
    router = APIRouter()

    @router.get(path, include_in_schema=False)
    def scrape(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    return router
