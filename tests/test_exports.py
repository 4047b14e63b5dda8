"""What ``from domain import ...`` offers: what applications import often, and no more."""

import domain
from domain import errors


def test_the_names_are_few_sorted_and_there() -> None:
    assert domain.__all__ == sorted(set(domain.__all__))
    assert 60 < len(domain.__all__) <= 90
    assert all(hasattr(domain, name) for name in domain.__all__)


def test_nothing_else_is_offered_by_accident() -> None:
    modules = {name for name, found in vars(domain).items() if type(found) is type(domain)}
    assert {name for name in vars(domain) if not name.startswith("_")} - modules == set(domain.__all__)


def test_an_error_that_is_exported_is_the_one_of_the_tree() -> None:
    exported = [name for name in domain.__all__ if name.endswith("Error")]
    assert "DomainError" in exported
    assert all(getattr(domain, name) is getattr(errors, name) for name in exported)
