"""A password's hash is in no response, repr, error, schema or log."""

import json
import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine, text
from sqlmodel import Field, Session

from domain import (
    ConstraintError,
    Database,
    DomainModel,
    DuplicateError,
    User,
    UserPatch,
    UserProfile,
    UserPublic,
    UserRepository,
)
from domain.testing import build
from domain.users.model import UserAccess, UserSecret

SECRET = "$argon2id$very-secret"
GOOD: dict[str, Any] = {"email": "ann@example.org", "full_name": "Ann", "hashed_password": SECRET}
TOO_LONG = SECRET * 20


class Registration(UserProfile, UserSecret):
    """A request body that somebody composed with the secret."""


def ann(**fields: object) -> User:
    return User.model_validate({**GOOD, **fields})


def shown(error: ValidationError) -> str:
    return f"{error} {error!r} {error.errors()} {error.json()} {error.__cause__}"


def test_a_user_shows_no_hash() -> None:
    user = User(**GOOD)
    assert user.hashed_password == SECRET
    public = UserPublic.model_validate(build(User, id=1, **GOOD))
    dumps = [user.model_dump(), user.model_dump(mode="json"), user.model_dump_json(), public, public.model_dump_json()]
    assert dict(user)["email"] == "ann@example.org"
    assert SECRET not in f"{user!r} {user} {dict(user)} {dumps}"
    assert "hashed_password" not in f"{user!r} {user} {dict(user)} {dumps}"


def test_a_secret_field_needs_nothing_but_exclude_to_be_hidden() -> None:
    class Key(DomainModel):
        name: str
        token: str = Field(exclude=True)

    key = Key(name="shown", token=SECRET)
    assert (
        f"{key!r} {key} {dict(key)} {[*key]}" == "Key(name='shown') name='shown' {'name': 'shown'} [('name', 'shown')]"
    )
    assert key.token == SECRET


def test_no_request_or_response_has_the_field() -> None:
    for model in (UserPublic, UserProfile, UserPatch, UserAccess):
        assert "hashed_password" not in model.model_fields
        for mode in ("validation", "serialization"):
            assert "hashed_password" not in json.dumps(model.model_json_schema(mode=mode))
    assert "hashed_password" not in json.dumps(User.model_json_schema(mode="serialization"))


def _construct(fields: dict[str, Any]) -> User:
    return User(**fields)


def _validate_update(fields: dict[str, Any]) -> User:
    return User.model_validate(User(**GOOD), update=fields)


def _assign(fields: dict[str, Any]) -> User:
    user = User(**GOOD)
    for name, value in fields.items():
        setattr(user, name, value)
    return user


def _update(fields: dict[str, Any]) -> User:
    return User(**GOOD).sqlmodel_update(fields)


def _register(fields: dict[str, Any]) -> Registration:
    return Registration(**fields)


Way = Callable[[dict[str, Any]], object]


def _as_json(way: Callable[[str], object]) -> Way:
    return lambda fields: way(json.dumps(fields))


WAYS: list[Way] = [
    _construct,
    User.model_validate,
    _validate_update,
    _as_json(User.model_validate_json),
    TypeAdapter(User).validate_python,
    _as_json(TypeAdapter(User).validate_json),
    _assign,
    _update,
    _register,
    Registration.model_validate,
    _as_json(Registration.model_validate_json),
    TypeAdapter(Registration).validate_python,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "bad", [{"hashed_password": TOO_LONG}, {"email": "nobody"}, {"full_name": ""}, {"hashed_password": [SECRET]}]
)
def test_an_error_shows_no_hash(way: Way, bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        way({**GOOD, **bad})
    assert SECRET not in shown(caught.value)
    assert caught.value.errors()[0]["loc"][-1] in (*bad, 0)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in (_validate_update, _assign, _update)])
def test_an_error_about_a_missing_field_shows_no_hash(way: Way) -> None:
    with pytest.raises(ValidationError) as caught:
        way({"email": "ann@example.org", "hashed_password": SECRET})
    assert SECRET not in shown(caught.value)
    assert [line["loc"] for line in caught.value.errors()] == [("full_name",)]


def test_an_error_about_broken_json_shows_no_hash() -> None:
    for model in (User, Registration):
        with pytest.raises(ValidationError, match="Invalid JSON") as caught:
            model.model_validate_json(json.dumps(GOOD)[:-1])
        assert SECRET not in shown(caught.value)


def test_other_errors_keep_pydantics_types_and_places() -> None:
    with pytest.raises(ValidationError) as caught:
        ann(email="{nobody}", colour="red")
    lines = {(line["loc"], line["type"]) for line in caught.value.errors()}
    assert lines == {(("email",), "string_pattern_mismatch"), (("colour",), "extra_forbidden")}


def test_a_database_error_shows_no_hash(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        UserRepository(session).add(ann(email="one@example.org"))
    with pytest.raises(DuplicateError) as caught, database.get_session(organization_id=1) as session:
        UserRepository(session).add(ann(email="one@example.org"))
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


def test_a_rule_that_a_user_breaks_is_told_without_the_hash(schema: Engine) -> None:
    with Session(schema) as session:
        session.add(ann(organization_id=1))
        session.flush()
        with pytest.raises(ConstraintError) as caught:
            session.connection().execute(text("UPDATE users SET role = 'root'"))
    assert SECRET not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("level", "echo"),
    [(logging.INFO, True), (logging.DEBUG, True), (logging.DEBUG, False), (logging.DEBUG, "debug")],
)
def test_the_log_of_statements_shows_no_hash(
    level: int, echo: Any, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with caplog.at_level(level, logger="sqlalchemy"), Database(url, echo=echo) as echoing:
        with echoing.get_session(organization_id=1) as session:
            user = UserRepository(session).add(ann(email=f"log{level}{echo}@example.org".lower()))
            user.hashed_password = SECRET + "2"
        with echoing.get_session() as session:
            assert UserRepository(session).get_by_email(user.email) is not None
    assert re.search(r"INSERT INTO (main\.)?users", caplog.text)
    assert re.search(r"UPDATE (main\.)?users", caplog.text)
    assert SECRET not in caplog.text


def test_the_log_of_connections_shows_no_password(
    domain_postgresql: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = domain_postgresql.engine.url.update_query_dict({"sslpassword": SECRET})
    with (
        caplog.at_level(logging.DEBUG, logger="sqlalchemy"),
        Database(url.render_as_string(hide_password=False)) as logged,
    ):
        assert logged.health_check()
    assert "Created new connection" in caplog.text
    assert SECRET not in caplog.text


def test_the_drivers_error_repeats_no_value_of_the_statement(domain_postgresql: Database) -> None:
    statement = text("UPDATE users SET hashed_password = :hash, missing = 1")
    with pytest.raises(Exception, match='column "missing"') as caught, domain_postgresql.engine.connect() as connection:
        connection.execute(statement, {"hash": SECRET})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
