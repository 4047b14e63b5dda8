"""Texts and numbers that no column can hold get an answer of ours from every method, on both engines."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from enum import EnumType
from types import UnionType
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import (
    ArgumentError,
    AuditRepository,
    Database,
    DomainError,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderRepository,
)
from domain.testing.attack.discovery import public_methods, repositories, tenant_models
from domain.testing.attack.outcome import settled

Call = Callable[[TenantSession, object], object]

TEXTS = st.builds(
    "{}{}{}".format,
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(["\x00", "\ud800", "\udfff"]),
    st.text(max_size=3),
)
BEYOND = st.one_of(st.integers(min_value=2**63), st.integers(max_value=-(2**63) - 1))
SEARCH = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def calls(database: Database, kind: type) -> dict[str, Call]:
    """Every public method with a parameter of this type, which gets the value; the others get what is valid."""
    found: dict[str, Call] = {}
    for repository in (*repositories(tenant_models(database)), AuditRepository):
        for name in public_methods(repository):
            _, *parameters = inspect.signature(getattr(repository, name)).parameters.values()
            for bad in parameters:
                needed = [p for p in parameters if p is bad or _is_required(p)]
                if kind in _kinds(bad) and all(p is bad or _valid(p) is not None for p in needed):
                    found[f"{repository.__name__}.{name}({bad.name})"] = _call(repository, name, needed, bad)
    return found


def _kinds(parameter: inspect.Parameter) -> tuple[object, ...]:
    kind = parameter.annotation
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _is_required(parameter: inspect.Parameter) -> bool:
    any_number = {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    return parameter.default is parameter.empty and parameter.kind not in any_number


def _valid(parameter: inspect.Parameter) -> object:
    """A value of the parameter's type, or None where there is none at hand: an entity, say."""
    kind: Any = parameter.annotation
    if isinstance(kind, EnumType):
        return next(iter(kind))
    found: dict[Any, object] = {int: 1, str: "x", bool: True, float: 1.0}
    return found.get(kind)


def _call(repository: Any, name: str, needed: list[inspect.Parameter], bad: inspect.Parameter) -> Call:
    def call(session: TenantSession, value: object) -> object:
        values = [(p, value if p is bad else _valid(p)) for p in needed]
        by_name = {p.name: each for p, each in values if p.kind is not p.POSITIONAL_ONLY}
        by_place = [each for p, each in values if p.kind is p.POSITIONAL_ONLY]
        return settled(getattr(repository(session), name)(*by_place, **by_name))

    return call


def answered(database: Database, call: Call, value: object, organization_id: int | None) -> None:
    """Run it: it answers, or raises an error of ours."""
    with suppress(DomainError, ValidationError), database.get_session(organization_id=organization_id) as session:
        call(session, value)


@SEARCH
@given(value=TEXTS)
def test_every_text_gets_an_answer(domain_db: Database, value: str) -> None:
    found = calls(domain_db, str)
    assert {"OrganizationRepository.get_by_slug(slug)", "UserRepository.get_by_email(email)"} <= found.keys()
    assert {"TenderRepository.page(after)", "AuditRepository.page(actor)"} <= found.keys()
    for call in found.values():
        for organization_id in (1, None):
            answered(domain_db, call, value, organization_id)
    assert domain_db.find_login(value) is None
    for organization_id in (1, None):
        with domain_db.get_session(organization_id=organization_id) as session:
            assert OrganizationRepository(session).get_by_slug(value) is None
    with pytest.raises(ArgumentError, match="actor"):
        domain_db.tenant(1, actor=value)


@SEARCH
@given(value=BEYOND)
def test_every_number_gets_an_answer(domain_db: Database, value: int) -> None:
    found = calls(domain_db, int)
    assert {"TenderRepository.get(entity_id)", "OrganizationRepository.update_usage(org_id)"} <= found.keys()
    assert {"TenderRepository.soft_delete(tender_id)", "UserRepository.update_last_login(user_id)"} <= found.keys()
    for call in found.values():
        for organization_id in (1, None, value):
            answered(domain_db, call, value, organization_id)
    with pytest.raises(ArgumentError, match="64 bits"), domain_db.get_session(organization_id=value) as session:
        TenderRepository(session).create(title="x")
    with pytest.raises(ArgumentError, match="64 bits"), domain_db.get_session() as session:
        TenderRepository(session).get(1, org_id=value)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0])
def test_the_last_numbers_that_fit_are_not_found(domain_db: Database, value: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).get(value) is None
        assert TenderRepository(session).soft_delete(value) is False
        assert session.get(Tender, (1, value)) is None
