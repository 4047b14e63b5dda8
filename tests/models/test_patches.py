"""PATCH bodies: every field may be left out; limits stay, and null goes where the column takes it."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain import (
    OMITTED,
    AnalysisPatch,
    BidPatch,
    OrganizationPatch,
    Patch,
    Tender,
    TenderContent,
    TenderPatch,
    UserPatch,
)

PATCHES: list[type[Patch]] = [TenderPatch, AnalysisPatch, BidPatch, OrganizationPatch, UserPatch]


@pytest.mark.parametrize("patch", PATCHES)
def test_everything_may_be_left_out(patch: type[Patch]) -> None:
    empty = patch.model_validate({})
    assert empty.model_fields_set == set()
    assert empty.model_dump(exclude_unset=True) == {}
    assert patch.model_validate_json("{}").model_fields_set == set()
    schema = patch.model_json_schema()
    assert "required" not in schema
    assert not [name for name, field in schema["properties"].items() if "default" in field]


@pytest.mark.parametrize(
    ("patch", "field", "bad"),
    [
        (TenderPatch, "title", ""),
        (TenderPatch, "title", "x" * 501),
        (TenderPatch, "currency", "eur"),
        (TenderPatch, "estimated_value", -1),
        (TenderPatch, "deadline", "2026-05-01T12:00:00"),
        (TenderPatch, "categories", [1]),
        (AnalysisPatch, "confidence", 1.1),
        (AnalysisPatch, "overall_score", 10.1),
        (BidPatch, "approach", ""),
        (OrganizationPatch, "slug", "Not A Slug"),
        (UserPatch, "email", "nobody"),
    ],
)
def test_limits_stay(patch: type[Patch], field: str, bad: object) -> None:
    with pytest.raises(ValidationError) as caught:
        patch.model_validate({field: bad})
    assert caught.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        (TenderPatch, "title"),
        (TenderPatch, "categories"),
        (AnalysisPatch, "is_relevant"),
        (AnalysisPatch, "strengths"),
        (BidPatch, "additional_sections"),
        (OrganizationPatch, "slug"),
        (UserPatch, "full_name"),
    ],
)
def test_null_is_refused_where_the_column_refuses_it(patch: type[Patch], field: str) -> None:
    for way in (patch.model_validate, TypeAdapter(patch).validate_python):
        with pytest.raises(ValidationError, match=field):
            way({field: None})


def test_null_is_refused_exactly_where_the_column_refuses_it() -> None:
    for name, column in Tender.__table__.c.items():
        if name in TenderPatch.model_fields:
            try:
                TenderPatch.model_validate({name: None})
            except ValidationError:
                assert not column.nullable, name
            else:
                assert column.nullable, name


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("name", ["colour", "id", "organization_id", "version", "is_deleted", "created_at"])
def test_what_is_not_the_clients_is_refused_by_name(patch: type[Patch], name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}\n  Extra inputs are not permitted"):
        patch.model_validate({name: 1})


def test_no_patch_reaches_what_others_write() -> None:
    assert set(TenderPatch.model_fields) == set(TenderContent.model_fields)
    assert not {"role", "is_active", "is_verified", "hashed_password"} & set(UserPatch.model_fields)
    assert not {"subscription_tier", "monthly_analysis_limit"} & set(OrganizationPatch.model_fields)
    assert "tender_id" not in AnalysisPatch.model_fields


def test_a_patch_leaves_the_class_it_was_made_from_alone() -> None:
    assert TenderContent.model_fields["title"].is_required()
    with pytest.raises(ValidationError, match="title\n  Field required"):
        TenderContent.model_validate({})
    assert TenderContent(title="Bridge").categories == []


def test_an_applications_own_patch_is_made_the_same_way() -> None:
    class SiteContent(TenderContent):
        floors: int = 1

    class SitePatch(SiteContent, Patch):
        """PATCH body."""

    fields: dict[str, Any] = {"floors": 2}
    assert SitePatch.model_validate(fields).model_dump(exclude_unset=True) == fields
    with pytest.raises(ValidationError, match="floors"):
        SitePatch.model_validate({"floors": None})


def test_a_field_that_a_patch_names_again_is_the_one_it_inherits() -> None:
    class Bare(TenderContent, Patch):
        """Names no field again."""

    bare, patch = Bare.model_json_schema(), TenderPatch.model_json_schema()
    assert list(TenderPatch.model_fields) == list(Bare.model_fields)
    assert patch["properties"] == bare["properties"]
    assert patch["properties"]["title"]["maxLength"] == 500
    assert TenderPatch().model_fields_set == set()
    assert TenderPatch(location="Bergen").model_dump(exclude_unset=True) == {"location": "Bergen"}


def test_a_field_named_again_with_another_type_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"AmountPatch.title is <class 'int'> = OMITTED, but .* inherits it as <class 'str'>"
    ):

        class AmountPatch(TenderContent, Patch[Tender]):  # pyright: ignore[reportUnusedClass]  # it is never made
            title: int = OMITTED  # type: ignore[assignment]  # refused: another type

    with pytest.raises(TypeError, match=r"NamedPatch.nickname is .* but NamedPatch inherits no such field"):

        class NamedPatch(TenderContent, Patch[Tender]):  # pyright: ignore[reportUnusedClass]  # it is never made
            nickname: str = OMITTED
