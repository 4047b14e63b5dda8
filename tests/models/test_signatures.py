"""What ``inspect.signature`` shows of constructors and of ``create``: required first, and no None that is no value."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, get_args

import pytest

from domain import (
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    Organization,
    OrganizationRepository,
    Tender,
    TenderContent,
    TenderPatch,
    TenderRepository,
    User,
    UserRepository,
)
from domain.kit.model.managed import managed_fields

PAIRS: list[tuple[Any, Any]] = [
    (AnalysisResult, AnalysisRepository),
    (BidDocument, BidDocumentRepository),
    (Organization, OrganizationRepository),
    (Tender, TenderRepository),
    (User, UserRepository),
]
SHOWN: list[Callable[..., object]] = [
    *(shown for model, repository in PAIRS for shown in (model, repository.create)),
    AnalysisRepository.upsert,
    TenderContent,
    TenderPatch,
]


@pytest.mark.parametrize("function", SHOWN, ids=lambda function: function.__qualname__)
def test_required_keywords_come_first_and_none_stands_only_for_null(function: Callable[..., object]) -> None:
    parameters = [p for p in signature(function).parameters.values() if p.name != "self"]
    optional = [p.default is not Parameter.empty for p in parameters]
    assert parameters
    assert optional == sorted(optional)
    assert all(type(None) in get_args(p.annotation) for p in parameters if p.default is None)
    assert {p.kind for p in parameters} == {Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(("model", "repository"), PAIRS)
def test_create_has_the_keywords_of_the_constructor_and_no_managed_one(model: Any, repository: Any) -> None:
    own = signature(model).parameters
    shown = list(signature(repository.create).parameters)
    assert shown == ["self", *own] if model is not User else {*shown} == {"self", "password", *own}
    assert own.keys() == model.model_fields.keys() - managed_fields(model)


def test_the_organization_is_no_none() -> None:
    shown = str(signature(TenderRepository.create))
    assert shown.startswith("(self, /, *, title: str, organization_id: int = ..., external_id:")
    assert "categories: list" in shown
