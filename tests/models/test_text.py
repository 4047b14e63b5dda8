"""Text that both engines can store, and the shapes of emails, slugs and currencies."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlmodel import Session

from domain import DomainModel, OrganizationContent, Tender, TenderContent, UserProfile
from domain.kit.model.registry import REGISTRY
from domain.testing import build

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STORABLE = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=500)


def text_fields() -> list[tuple[type[DomainModel], str, str]]:
    """(model, field, annotation) of every text, and of every list and object of texts, in our tables."""
    ours = [mapper.class_ for mapper in REGISTRY.mappers if mapper.class_.__module__.startswith("domain.")]
    fields = [(model, name, str(field.annotation)) for model in ours for name, field in model.model_fields.items()]
    return [(model, name, kind) for model, name, kind in fields if re.search(r"\bstr\b", kind) and "Json" not in kind]


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"])
def test_no_field_takes_text_that_postgresql_could_not_store(bad: str) -> None:
    fields = text_fields()
    assert len(fields) > 25
    for model, name, kind in fields:
        value = [bad] if "list[" in kind else {"Safety": bad} if "dict[" in kind else bad
        with pytest.raises(ValidationError) as caught:
            build(model, **{name: value})
        assert {line["loc"][0] for line in caught.value.errors()} == {name}


@pytest.mark.parametrize(("bad", "reason"), [("a\x00b", "must not contain the NUL"), ("a\ud800b", "unicode|surrogate")])
def test_the_refusal_says_what_is_wrong_with_the_text(bad: str, reason: str) -> None:
    for fields in ({"title": bad}, {"description": bad}, {"categories": [bad]}):
        with pytest.raises(ValidationError, match=reason):
            build(Tender, **fields)


@EXAMPLES
@given(STORABLE)
def test_any_other_text_comes_back_as_it_was(schema: Engine, title: str) -> None:
    with Session(schema) as session:
        tender = build(Tender, organization_id=1, title=title, categories=[title])
        session.add(tender)
        session.flush()
        session.expire(tender)
        assert (tender.title, tender.categories) == (title, [title])


@pytest.mark.parametrize("slug", ["acme", "a", "7", "acme-corp", "a-1-b", "x" * 100])
def test_a_slug_is_made_of_lower_case_words_and_single_hyphens(slug: str) -> None:
    assert OrganizationContent(name="Acme", slug=slug).slug == slug


@pytest.mark.parametrize(
    "slug",
    ["", "Acme", "acme\n", "\nacme", "acme corp", "-acme", "acme-", "a--b", "a_b", "acmé", "\uff41cme", "x" * 101, "-"],
)
def test_what_is_no_slug_is_refused(slug: str) -> None:
    with pytest.raises(ValidationError, match="slug"):
        OrganizationContent(name="Acme", slug=slug)


@pytest.mark.parametrize(
    "code", ["eur", "EU", "EURO", "EUR\n", "\nEUR", "EU\n", "E R", "ÉUR", "\uff25UR", "123", "", "   "]
)
def test_what_is_no_currency_code_is_refused(code: str) -> None:
    with pytest.raises(ValidationError, match="currency"):
        TenderContent(title="Bridge", currency=code)


@pytest.mark.parametrize(
    ("given_email", "kept"),
    [("Ann@Example.ORG", "ann@example.org"), ("ÅSA@Éxample.org", "åsa@éxample.org"), ("a@b", "a@b")],
)
def test_an_email_is_kept_in_lower_case(given_email: str, kept: str) -> None:
    profile = UserProfile(email=given_email, full_name="Ann")
    assert profile.email == kept
    assert UserProfile.model_validate({"email": given_email.encode(), "full_name": "Ann"}).email == kept
    profile = UserProfile.model_validate_json(f'{{"email": "{given_email}", "full_name": "Ann"}}')
    assert profile.email == kept


@pytest.mark.parametrize(
    "email",
    ["", "ann", "@example.org", "ann@", "a@b\n", "a b@c", "a@b@c", "a@" + "x" * 254, "İ" * 127 + "@x", "a@\x00"],
)
def test_what_is_no_email_is_refused(email: str) -> None:
    with pytest.raises(ValidationError, match="email"):
        UserProfile(email=email, full_name="Ann")


@EXAMPLES
@given(st.emails())
def test_lower_casing_is_done_once_and_for_all(email: str) -> None:
    once = UserProfile(email=email, full_name="Ann").email
    assert UserProfile(email=once, full_name="Ann").email == once == email.lower()


@pytest.mark.parametrize("length", [1, 499, 500])
def test_lengths_are_counted_in_characters_on_both_engines(schema: Engine, length: int) -> None:
    title = "🌉" * length
    with Session(schema) as session:
        tender = build(Tender, organization_id=1, title=title)
        session.add(tender)
        session.flush()
        session.expire(tender)
        assert tender.title == title
