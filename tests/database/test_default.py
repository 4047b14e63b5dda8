"""The process's default database: made once, then asked for."""

import inspect
from collections.abc import Iterator
from typing import get_type_hints

import pytest

from domain import ConfigurationError, Database, OrganizationRepository, default, get_db, get_db_session, init_db
from domain.testing import make_organization


@pytest.fixture(autouse=True)
def no_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(default, "_default", None)
    yield
    made: Database | None = getattr(default, "_default")  # noqa: B009  # private to its module
    if made is not None:
        made.close()


def test_asking_before_it_was_made_says_what_to_call() -> None:
    with pytest.raises(ConfigurationError, match=r"call init_db\(\) once"):
        get_db()
    with pytest.raises(ConfigurationError, match=r"call init_db\(\) once"), get_db_session():
        pass


def test_it_is_the_one_that_was_made() -> None:
    made = init_db("sqlite:///:memory:", pool_size=2)
    assert get_db() is made
    assert get_db() is made


def test_making_another_replaces_it() -> None:
    with init_db("sqlite:///:memory:") as first:
        second = init_db("sqlite:///:memory:")
        assert get_db() is second
        assert get_db() is not first


def test_a_wrong_url_leaves_the_one_that_was_made() -> None:
    made = init_db("sqlite:///:memory:")
    with pytest.raises(ConfigurationError):
        init_db("nonsense")
    assert get_db() is made


def test_its_sessions_commit_and_are_bound_like_any_other() -> None:
    init_db("sqlite:///:memory:").create_all()
    organization = make_organization(get_db(), slug="acme")
    with get_db_session(organization_id=organization.id, actor="user:1") as session:
        assert (session.organization_id, session.actor) == (organization.id, "user:1")
        OrganizationRepository(session).require(organization.id, org_id=organization.id).name = "Renamed"
    with get_db_session() as session:
        found = OrganizationRepository(session).get_by_slug("acme")
        assert found is not None
        assert found.name == "Renamed"


def test_it_takes_the_keywords_of_database() -> None:
    parameters = inspect.signature(Database).parameters.values()
    taken = {each.name: each.annotation for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert get_type_hints(default.DatabaseOptions) == taken
    with pytest.raises(TypeError, match="no_such_keyword"):
        init_db(no_such_keyword=1)  # type: ignore[call-arg]  # that is the test
