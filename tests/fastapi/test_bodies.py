"""Bodies with what no column can hold: a 422 that can be sent, for every model and every text in it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

import domain
from domain import DomainModel, Public
from domain.fastapi import install_errors

BODIES = [
    model
    for model in vars(domain).values()
    if isinstance(model, type)
    and issubclass(model, DomainModel)
    and not issubclass(model, Public)
    and not model.model_config.get("table")
    and model.model_fields
]
BAD = st.builds(
    "{}{}{}".format, st.text(max_size=3), st.sampled_from(["\x00", "\ud800", "\udfff"]), st.text(max_size=3)
)


@pytest.fixture(scope="module")
def client() -> TestClient:
    """An application with an endpoint for each model."""
    app = FastAPI()
    install_errors(app)

    def add(model: type[DomainModel]) -> None:
        def endpoint(body: DomainModel) -> None:
            """Nothing is written: the body is refused before."""

        endpoint.__annotations__["body"] = model
        app.post(f"/{model.__name__}")(endpoint)

    for model in BODIES:
        add(model)
    return TestClient(app, raise_server_exceptions=False)


def places(schema: dict[str, Any], bad: str) -> Iterator[object]:
    """The value in every place of a JSON schema where a text can stand."""
    for option in [schema, *schema.get("anyOf", ())]:
        if option.get("type") == "string" and "format" not in option and "enum" not in option:
            yield bad
        elif option.get("type") == "array":
            yield from ([each] for each in places(option.get("items", {}), bad))
        elif option.get("type") == "object" and isinstance(option.get("additionalProperties"), dict):
            values = [{"key": each} for each in places(option["additionalProperties"], bad)]
            yield from [{bad: "text"}, *values] if values else []  # a notice is kept as it was received


@settings(max_examples=15, deadline=None)
@given(bad=BAD)
def test_a_text_that_no_column_can_hold_is_refused_in_every_field(client: TestClient, bad: str) -> None:
    seen: set[tuple[str, str]] = set()
    for model in BODIES:
        found = {name: list(places(schema, bad)) for name, schema in model.model_json_schema()["properties"].items()}
        for number in range(max(map(len, found.values()))):
            body = {name: values[number] for name, values in found.items() if number < len(values)}
            answer = post(client, model.__name__, body)
            assert answer.status_code == 422, (model, body)
            assert body.keys() <= {line["loc"][1] for line in answer.json()["detail"]}
            seen |= {(model.__name__, name) for name in body}
    assert {("TenderContent", "title"), ("TenderPatch", "categories"), ("BidPatch", "additional_sections")} <= seen


@settings(max_examples=15, deadline=None)
@given(bad=BAD)
def test_a_key_that_cannot_be_sent_back_is_refused_as_well(client: TestClient, bad: str) -> None:
    answer = post(client, "TenderContent", {"title": "x", bad: 1})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] in (["body", bad], ["body"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -(2**70), "\ud800", [[]]])
@pytest.mark.parametrize("field", ["estimated_value", "deadline", "categories", "title"])
def test_what_is_no_value_of_a_field_gets_an_answer(client: TestClient, field: str, value: object) -> None:
    answer = post(client, "TenderContent", {"title": "x", field: value})
    assert answer.status_code == 422
    assert "input" not in answer.json()["detail"][0]


def post(client: TestClient, model: str, body: object) -> Any:
    return client.post(f"/{model}", content=json.dumps(body), headers={"Content-Type": "application/json"})
