"""What a reader of the schemas learns: a description and a good example of every field, and limits that hold."""

import json
import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain import (
    AuditEntryPublic,
    DomainModel,
    OrganizationPublic,
    Public,
    Stamped,
    TenderContent,
    TenderPublic,
    UserPublic,
    models,
)
from domain.kit.model.managed import managed_fields
from domain.testing import build

EXPORTED = list(vars(models).values())
MODELS: list[type[DomainModel]] = [
    found for found in EXPORTED if isinstance(found, type) and issubclass(found, DomainModel) and found.model_fields
]
PUBLIC = [model for model in MODELS if issubclass(model, Public)]


def test_there_is_something_to_look_at() -> None:
    assert len(MODELS) > 25
    assert {model.__name__ for model in PUBLIC} >= {"TenderPublic", "UserPublic", "OrganizationPublic", "BidPublic"}


@pytest.mark.parametrize("model", MODELS)
def test_every_field_says_what_it_is_and_gives_an_example_that_is_good(model: type[DomainModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert field.examples, name
        adapter = TypeAdapter[Any](field.rebuild_annotation())
        for example in field.examples:
            adapter.validate_python(example)
            adapter.validate_json(json.dumps(example))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_can_be_made_of_its_examples(model: type[DomainModel]) -> None:
    written = model.model_fields.keys() - managed_fields(model)
    fields = {name: field.examples[0] for name in written if (field := model.model_fields[name]).examples}
    made = model.model_validate(fields)
    assert made.model_fields_set == written
    again = model.model_validate_json(json.dumps(fields))
    assert again.model_dump(include=written) == made.model_dump(include=written)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("model", MODELS)
def test_the_schema_says_nothing_that_is_not_json_schema(model: type[DomainModel], mode: Any) -> None:
    schema = model.model_json_schema(mode=mode)
    for name, field in schema["properties"].items():
        options = [field, *field.get("anyOf", ())]
        for option in options:
            assert not {"ge", "gt", "le", "lt", "max_length"} & option.keys(), name
            assert not re.search(r"\\[zZA]", option.get("pattern", "")), f"{name}: no such thing in ECMA's patterns"
        if field.get("default", ...) is None:
            assert {"type": "null"} in options, name


@pytest.mark.parametrize("model", MODELS)
def test_the_limits_of_the_class_stand_in_its_schema(model: type[DomainModel]) -> None:
    properties = model.model_json_schema()["properties"]
    words = {"min_length": "minLength", "max_length": "maxLength", "ge": "minimum", "le": "maximum"}
    for name, field in model.model_fields.items():
        for limit in field.metadata:
            for attribute, word in words.items():
                if (number := getattr(limit, attribute, None)) is not None:
                    assert f'"{word}": {number}' in json.dumps(properties[name]), (name, word)
    if "currency" in properties:
        assert "^[A-Z]{3}$" in json.dumps(properties["currency"])


@pytest.mark.parametrize("model", PUBLIC)
def test_a_response_ignores_fields_that_it_does_not_know(model: type[DomainModel]) -> None:
    fields = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    made = model.model_validate({**fields, "added_in_a_later_version": 1})
    assert not hasattr(made, "added_in_a_later_version")
    assert "added_in_a_later_version" not in model(**fields, also_new=1).model_dump()


@pytest.mark.parametrize("model", PUBLIC)
def test_a_response_carries_every_field(model: type[DomainModel]) -> None:
    schema = model.model_json_schema(mode="serialization")
    assert set(schema["required"]) == set(model.model_fields)


def test_a_response_shows_neither_the_organization_nor_the_deletion() -> None:
    hidden = {"organization_id", "is_deleted", "deleted_at", "deletion_id", "hashed_password"}
    for model in PUBLIC:
        assert not hidden & set(model.model_fields), model
        is_written_once = model in (AuditEntryPublic, models.CostEntryPublic)
        assert is_written_once or set(Stamped.model_fields) <= set(model.model_fields), model


def test_a_response_is_made_of_a_row() -> None:
    user = build(models.User, id=7, organization_id=1)
    assert UserPublic.model_validate(user).id == 7
    assert OrganizationPublic.model_validate(build(models.Organization, id=3)).monthly_analysis_count == 0
    tender = build(models.Tender, id=5, estimated_value="1.5", currency="EUR")
    assert json.loads(TenderPublic.model_validate(tender).model_dump_json())["estimated_value"] == "1.5000"


def test_no_request_body_takes_what_is_not_the_clients() -> None:
    for name in ("id", "organization_id", "version", "is_deleted", "created_at", "status"):
        with pytest.raises(ValidationError, match=f"{name}\n  Extra inputs are not permitted"):
            TenderContent.model_validate({"title": "Bridge", name: 1})
