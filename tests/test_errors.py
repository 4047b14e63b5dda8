"""One tree of errors, with facts as attributes and no values in messages."""

import inspect
import pickle

import pytest

import domain
from domain import errors
from domain.errors import (
    ArgumentError,
    ConfigurationError,
    ConflictError,
    ConstraintError,
    DomainError,
    DuplicateError,
    NotFoundError,
    OutcomeUnknownError,
    StaleVersionError,
    TenantRequiredError,
    TenantScopeError,
    UnavailableError,
)
from domain.kit.database.translate import failed

EVERY = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, DomainError)]


def test_every_error_has_one_root_its_suffix_and_a_line_in_the_tree() -> None:
    assert len(EVERY) >= 11
    for error in EVERY:
        assert error.__name__.endswith("Error")
        assert error.__name__ in f"{errors.__doc__}"


def test_the_tree_is_the_one_that_the_file_draws() -> None:
    parents = {error.__name__: error.__mro__[1].__name__ for error in EVERY if error is not DomainError}
    conflicts = {"DuplicateError", "LegalHoldError", "StaleVersionError"}
    assert {parents.pop(name) for name in conflicts} == {"ConflictError"}
    assert {parents.pop(name) for name in ("InvalidRowsError", "MisuseError")} == {"ArgumentError"}
    assert parents.pop("OutcomeUnknownError") == "UnavailableError"
    assert set(parents.values()) == {"DomainError"}
    assert issubclass(ArgumentError, ValueError)


def test_the_facts_are_attributes() -> None:
    missing = NotFoundError(domain.Tender, 7)
    assert (missing.model, missing.entity_id, str(missing)) == (domain.Tender, 7, "Tender 7 not found")
    duplicate = DuplicateError("Tender", ["external_id"], constraint="ux_tenders_external_id")
    assert (duplicate.entity, duplicate.fields, duplicate.constraint) == (
        "Tender",
        ("external_id",),
        "ux_tenders_external_id",
    )
    assert str(duplicate) == "Tender: another live row has the same external_id"
    stale = StaleVersionError("Tender", 7, seen=2, current=5)
    assert (stale.entity, stale.entity_id, stale.seen, stale.current) == ("Tender", 7, 2, 5)
    assert str(stale) == "Tender 7 was read as version 2 and is now version 5; read it again"
    assert "gone" in str(StaleVersionError("Tender", 7, seen=2, current=None))
    scope = TenantScopeError(bound=1, asked=2)
    assert (scope.bound, scope.asked) == (1, 2)
    assert ConstraintError("no", constraint="ck_x").constraint == "ck_x"
    assert ConstraintError("no").constraint is None
    assert UnavailableError("busy", retryable=True).retryable is True
    assert OutcomeUnknownError().retryable is False
    assert "get_session(organization_id=...)" in str(TenantRequiredError("Tender"))


@pytest.mark.parametrize("error", [ArgumentError("x"), ConfigurationError("x"), ConflictError("x"), DomainError("x")])
def test_a_plain_error_says_what_it_was_given(error: DomainError) -> None:
    assert str(error) == "x"


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError(domain.Tender, 7),
        DuplicateError("Tender", ("external_id",), constraint="ux"),
        StaleVersionError("Tender", 7, seen=1, current=None),
        TenantRequiredError("Tender"),
        TenantScopeError(bound=1, asked=2),
        ConstraintError("no", constraint="ck"),
        UnavailableError("busy", retryable=True),
        OutcomeUnknownError(),
        failed(),
    ],
)
def test_an_error_crosses_the_border_of_a_process(error: DomainError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
