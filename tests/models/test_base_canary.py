"""What ``domain.kit.model.base`` relies on and its authors do not promise: a new version that breaks it shows here."""

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import inspect
from sqlalchemy.orm import class_mapper, registry
from sqlalchemy.orm.attributes import manager_of_class, set_attribute

from domain import Tender, TenderContent
from domain.kit.model.registry import REGISTRY


class Point(BaseModel):
    x: int = 0


def test_pydantic_validates_into_an_object_that_it_is_given() -> None:
    draft = Point.__new__(Point)
    assert Point.__pydantic_validator__.validate_python({"x": "1"}, self_instance=draft) is draft
    assert (vars(draft), draft.model_fields_set) == ({"x": 1}, {"x"})


def test_pydantic_validates_one_field_of_an_object_of_which_others_are_missing() -> None:
    draft = TenderContent.__new__(TenderContent)
    TenderContent.__pydantic_validator__.validate_assignment(draft, "title", "Bridge")
    assert vars(draft)["title"] == "Bridge"
    with pytest.raises(ValidationError):
        TenderContent.__pydantic_validator__.validate_assignment(draft, "title", "")
    assert vars(draft)["title"] == "Bridge"


def test_pydantic_builds_nested_objects_through_a_constructor_of_ones_own() -> None:
    assert getattr(Tender, "__pydantic_custom_init__") is True  # noqa: B009  # no part of pydantic's typed surface


def test_sqlalchemy_makes_an_instrumented_object_without_its_constructor() -> None:
    tender = class_mapper(Tender).class_manager.new_instance()
    assert isinstance(tender, Tender)
    assert inspect(tender).transient
    set_attribute(tender, "title", "Bridge")
    assert vars(tender)["title"] == "Bridge"
    assert inspect(tender).attrs["title"].history.added == ["Bridge"]


FIRST_OF_ALL = (
    "Tender.model_validate({'title': 'Bridge'})",
    'TypeAdapter(Tender).validate_json(\'{"title": "Bridge"}\')',
)


@pytest.mark.parametrize("first", FIRST_OF_ALL, ids=["model_validate", "TypeAdapter"])
def test_a_table_class_can_be_used_first_thing_in_a_process(first: str) -> None:
    script = f"from domain import Tender; from pydantic import TypeAdapter; assert {first}.title == 'Bridge'"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_object_that_is_not_instrumented_has_no_state_in_its_dictionary() -> None:
    assert "_sa_instance_state" not in vars(Tender.__new__(Tender))
    assert "_sa_instance_state" in vars(Tender(title="Bridge"))


def test_a_registry_can_forget_one_class() -> None:
    assert callable(getattr(REGISTRY, "_dispose_manager_and_mapper"))  # noqa: B009  # private, as the next
    assert manager_of_class(Tender) in getattr(REGISTRY, "_managers")  # noqa: B009
    assert isinstance(REGISTRY, registry)
