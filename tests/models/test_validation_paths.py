"""A table class validates on construction and on assignment, by whatever way the value comes."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain import Tender, TenderContent, TenderPatch, TenderPublic, TenderStatus
from domain.testing import build


class Named:
    """Somebody's own object, with attributes of the right names."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


class Loose(BaseModel, extra="allow"):
    """A model that takes everything."""


def _constructed(fields: dict[str, Any]) -> Tender:
    return Tender(**fields)


def _from_attributes(fields: dict[str, Any]) -> Tender:
    return Tender.model_validate(Named(**fields), from_attributes=True)


def _from_model(fields: dict[str, Any]) -> Tender:
    return Tender.model_validate(Loose(**fields))


def _from_row(fields: dict[str, Any]) -> Tender:
    return Tender.model_validate(Tender.model_construct(**fields))


def _updated(fields: dict[str, Any]) -> Tender:
    return Tender.model_validate(TenderContent(title="Old"), update=fields)


def _updated_attributes(fields: dict[str, Any]) -> Tender:
    return Tender.model_validate(Named(title="Old"), from_attributes=True, update=fields)


def _from_json(fields: dict[str, Any]) -> Tender:
    return Tender.model_validate_json(TypeAdapter(dict[str, Any]).dump_json(fields))


def _adapted(fields: dict[str, Any]) -> Tender:
    return TypeAdapter(Tender).validate_python(fields)


def _adapted_json(fields: dict[str, Any]) -> Tender:
    return TypeAdapter(list[Tender]).validate_json(TypeAdapter(list[dict[str, Any]]).dump_json([fields]))[0]


def _built(fields: dict[str, Any]) -> Tender:
    return build(Tender, **fields)


def _assigned(fields: dict[str, Any]) -> Tender:
    tender = Tender(title="Old")
    for name, value in fields.items():
        setattr(tender, name, value)
    return tender


def _sqlmodel_updated(fields: dict[str, Any]) -> Tender:
    return Tender(title="Old").sqlmodel_update(fields)


def _sqlmodel_updated_from_model(fields: dict[str, Any]) -> Tender:
    return Tender(title="Old").sqlmodel_update(Loose(**fields))


Way = Callable[[dict[str, Any]], Tender]
CONSTRUCTION: list[Way] = [
    _constructed,
    Tender.model_validate,
    _from_attributes,
    _from_model,
    _from_row,
    _updated,
    _updated_attributes,
    _from_json,
    _adapted,
    _adapted_json,
    _built,
]
ASSIGNMENT: list[Way] = [_assigned, _sqlmodel_updated, _sqlmodel_updated_from_model]


@pytest.mark.parametrize("way", [*CONSTRUCTION, *ASSIGNMENT])
def test_good_values_come_through_converted(way: Way) -> None:
    tender = way({"title": "Bridge", "status": "complete", "estimated_value": "12.50005", "categories": ["45"]})
    assert (tender.title, tender.status) == ("Bridge", TenderStatus.COMPLETE)
    assert isinstance(tender.status, TenderStatus)
    assert str(tender.estimated_value) == "12.5000"
    assert tender.categories == ["45"]
    assert {"title", "status", "estimated_value", "categories"} <= tender.model_fields_set


@pytest.mark.parametrize("way", [*CONSTRUCTION, *ASSIGNMENT])
@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("title", ""),
        ("title", "x" * 501),
        ("title", None),
        ("title", 5),
        ("estimated_value", -1),
        ("estimated_value", "many"),
        ("currency", "eur"),
        ("status", "done"),
        ("deadline", "2027-03-01T12:00:00"),
        ("categories", "45"),
        ("categories", [1]),
        ("organization_id", "first"),
    ],
)
def test_a_bad_value_is_refused_and_named(way: Way, field: str, bad: object) -> None:
    with pytest.raises(ValidationError) as caught:
        way({"title": "Bridge", field: bad})
    places = [part for line in caught.value.errors() for part in line["loc"] if isinstance(part, str)]
    assert places == [field]


@pytest.mark.parametrize("way", [_constructed, Tender.model_validate, _from_json, _adapted])
def test_an_unknown_keyword_is_refused_by_name(way: Way) -> None:
    with pytest.raises(ValidationError, match="colour\n  Extra inputs are not permitted"):
        way({"title": "Bridge", "colour": "red"})


def test_an_unknown_attribute_is_refused() -> None:
    tender = Tender(title="Bridge")
    with pytest.raises(ValueError, match="colour"):
        setattr(tender, "colour", "red")  # noqa: B010  # a plain assignment is a type error


def test_a_patch_writes_what_was_set_on_it_and_nothing_else() -> None:
    tender = Tender(title="Bridge", description="Two spans.", categories=["45"])
    tender.sqlmodel_update(TenderPatch(title="Tunnel"))
    assert (tender.title, tender.description, tender.categories) == ("Tunnel", "Two spans.", ["45"])


def test_a_body_sets_only_what_it_says() -> None:
    tender = Tender.model_validate(TenderContent(title="Bridge"))
    assert tender.model_fields_set == {"title"}


def test_defaults_are_made_for_each_object() -> None:
    first, second = Tender(title="1"), Tender(title="2")
    first.categories.append("45")
    assert second.categories == []
    assert first.created_at <= second.created_at


def test_a_failed_construction_leaves_the_class_as_it_was() -> None:
    with pytest.raises(ValidationError):
        Tender.model_validate({"title": ""})
    with pytest.raises(ValidationError):
        Tender(title="")
    assert Tender(title="Bridge").title == "Bridge"
    assert TenderPublic.model_validate(build(Tender, id=1)).id == 1
