"""Handlers that answer, and log, an error of an endpoint."""

from collections.abc import Iterable
from http import HTTPMethod, HTTPStatus
from http.client import responses
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ..errors import DomainError, StaleVersionError, UnavailableError
from ..kit.model import DomainModel
from ..kit.model.entity import Public
from .problems import MEDIA_TYPE, answer, document, problem, problem_of
from .reporting import report

_FASTAPIS_OWN = (None, http_exception_handler, request_validation_exception_handler)


def install_errors(app: FastAPI) -> None:
    """Answer errors with problem details (RFC 9457), and list these in the OpenAPI document.

    So is an HTTPException whose detail is a text. A stale version is a 412 to a request with If-Match, else a 409.
    What is no client's fault shows no detail, and is logged by ``domain.fastapi``: its cause and the request's id,
    without values. A body that is not valid, or a model that an endpoint makes of it, is a 422 in FastAPI's own shape,
    without the input. Handlers that the application has given before, or gives afterwards, stay.
    """
    handlers: dict[Any, Any] = dict.fromkeys(
        (DomainError, SQLAlchemyError, ResponseValidationError, Exception), _answer
    )
    handlers |= {ValidationError: _answer_model, RequestValidationError: _answer_request, HTTPException: _answer_http}
    for kind, handler in handlers.items():
        if app.exception_handlers.get(kind) in _FASTAPIS_OWN:
            app.add_exception_handler(kind, handler)
    document(app)


async def _answer(request: Request, error: Exception) -> Response:
    body = problem(error)
    if isinstance(error, StaleVersionError) and "if-match" in request.headers:
        body |= {"status": 412, "title": HTTPStatus(412).phrase}
    headers: dict[str, str] = {}
    if body["status"] >= 500:
        body["request_id"] = await report(request, body["status"], error)
    if isinstance(error, UnavailableError) and body["status"] == 503:
        headers["Retry-After"] = "1" if error.retryable else "30"
    return answer(body, body["status"], MEDIA_TYPE, headers)


async def _answer_model(request: Request, error: ValidationError) -> Response:
    """Of a model of ours that is made of what a client sent; of another, or a response, it is no client's fault."""
    if any(model.__name__ == error.title for model in _below(DomainModel)):
        return _invalid(error.errors(include_url=False, include_context=False, include_input=False))
    return await _answer(request, error)


async def _answer_request(_request: Request, error: RequestValidationError) -> Response:
    return _invalid(error.errors())


async def _answer_http(request: Request, error: HTTPException) -> Response:
    status = error.status_code
    said = cast(object, error.detail)  # FastAPI's own takes any JSON
    if status >= 500:
        await report(request, status, error)
    if status < 400 or not isinstance(said, str):
        return await http_exception_handler(request, error)
    title, headers = responses.get(status, "Error"), error.headers  # 499 and the like have no phrase
    detail = {} if said == title else {"detail": said}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {**(headers or {}), "Allow": _allowed(request)}
    return answer(problem_of(status, title, **detail), status, MEDIA_TYPE, headers)


def _allowed(request: Request) -> str:
    """The methods of every route with this path: Starlette names those of the first."""
    routes = request.app.routes
    asked = {method: {**request.scope, "method": method} for method in HTTPMethod}
    return ", ".join(m for m in HTTPMethod if any(route.matches(asked[m])[0] is Match.FULL for route in routes))


def _invalid(lines: Iterable[Any]) -> Response:
    detail = [{name: line[name] for name in ("type", "loc", "msg")} for line in lines]
    return answer({"detail": detail}, 422, "application/json")


def _below(model: type[DomainModel]) -> list[type[DomainModel]]:
    """The models that a client's data is for."""
    children = [child for child in model.__subclasses__() if not issubclass(child, Public)]
    return [*children, *(found for child in children for found in _below(child))]
