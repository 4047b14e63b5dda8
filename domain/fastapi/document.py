"""The problem responses in the OpenAPI document."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from .problems import MEDIA_TYPE, STATUSES, Problem

_CONTENT = {"schema": {"$ref": "#/components/schemas/Problem"}}


def document(app: FastAPI) -> None:
    """List the problems with every operation, those added later included: any of them may meet the database."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        made = generate()
        made.setdefault("components", {}).setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        for path in made["paths"].values():
            for operation in path.values():
                for status in STATUSES:
                    response = operation["responses"].setdefault(
                        str(status), {"description": HTTPStatus(status).phrase}
                    )
                    response.setdefault("content", {}).setdefault(MEDIA_TYPE, _CONTENT)
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it
