"""Passwords: users made from one, and logins."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import QueuePool
from sqlmodel import select

from domain import (
    ArgumentError,
    AuditRepository,
    ConfigurationError,
    Database,
    OrganizationRepository,
    User,
    UserPatch,
    UserRepository,
    including_deleted,
    passwords,
)
from domain import database as database_module
from domain.passwords import hash_password, verify_password

EMAIL, PASSWORD = "ann@example.org", "correct horse 🐎"
WEAK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))


def sign_up(database: Database, organization_id: int = 2, **fields: Any) -> User:
    given = {"email": EMAIL, "full_name": "Ann", "password": PASSWORD, **fields}
    with database.get_session(organization_id=organization_id) as session:
        users: Any = UserRepository(session)
        user: User = users.create(**given)
        return user


def stored(database: Database, user: User) -> User:
    with database.get_session(organization_id=user.organization_id) as session:
        return UserRepository(session).require(user.id, include_deleted=True)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch, domain_db: Database) -> list[str]:
    """Every computation of argon2, by name; none has a connection of the database out meanwhile."""
    passwords.argon2_hasher()
    done: list[str] = []
    pool: Any = domain_db.engine.pool
    assert isinstance(pool, QueuePool)

    def watched(name: str) -> Callable[..., Any]:
        compute: Callable[..., Any] = getattr(Argon2Hasher, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            assert pool.checkedout() == 0
            done.append(name)
            return compute(*arguments, **keywords)

        return call

    for name in ("hash", "verify"):
        monkeypatch.setattr(Argon2Hasher, name, watched(name))
    return done


def test_a_user_is_made_from_a_password_and_logs_in_with_it(domain_db: Database, computed: list[str]) -> None:
    user = sign_up(domain_db)
    assert computed == ["hash"]
    assert user.hashed_password.startswith("$argon2id$")
    before = datetime.now(UTC)
    found = domain_db.verify_login(" ANN@example.org", PASSWORD)
    assert found is not None
    assert (found.id, found.organization_id, found.version) == (user.id, 2, 1)
    assert computed == ["hash", "verify"]
    row = stored(domain_db, user)
    assert row.last_login_at is not None
    assert row.last_login_at == found.last_login_at
    assert row.last_login_at >= before
    assert row.hashed_password == user.hashed_password


def test_a_hash_of_other_costs_near_ours_is_verified() -> None:
    costlier = PasswordHash((Argon2Hasher(time_cost=6, memory_cost=131_072, parallelism=8),)).hash(PASSWORD)
    assert verify_password(PASSWORD, WEAK.hash(PASSWORD))[0]
    assert verify_password(PASSWORD, costlier)[0]
    assert verify_password(PASSWORD + "x", costlier) == (False, None)


def test_two_users_with_one_password_have_two_hashes() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first != second
    assert verify_password(PASSWORD, first) == verify_password(PASSWORD, second) == (True, None)


def _unknown(database: Database) -> tuple[str, str]:
    sign_up(database, email="bob@example.org")
    return EMAIL, PASSWORD


def _wrong(database: Database) -> tuple[str, str]:
    sign_up(database)
    return EMAIL, PASSWORD + "x"


def _empty(database: Database) -> tuple[str, str]:
    sign_up(database)
    return EMAIL, ""


def _of_an_email_that_no_column_can_hold(database: Database) -> tuple[str, str]:
    sign_up(database)
    return f"{EMAIL}\x00", PASSWORD


def _of_half_a_surrogate_pair(database: Database) -> tuple[str, str]:
    sign_up(database)
    return f"{EMAIL}\ud800", PASSWORD


def _inactive(database: Database) -> tuple[str, str]:
    sign_up(database, is_active=False)
    return EMAIL, PASSWORD


def _inactive_with_a_weak_hash(database: Database) -> tuple[str, str]:
    sign_up(database, password=None, hashed_password=WEAK.hash(PASSWORD), is_active=False)
    return EMAIL, PASSWORD


def _deleted(database: Database) -> tuple[str, str]:
    user = sign_up(database)
    with database.get_session(organization_id=2) as session:
        assert UserRepository(session).soft_delete(user.id)
    return EMAIL, PASSWORD


def _of_a_deleted_organization(database: Database) -> tuple[str, str]:
    sign_up(database)
    with database.get_session(organization_id=2) as session:
        assert OrganizationRepository(session).soft_delete(2)
    return EMAIL, PASSWORD


def _of_another_algorithm(database: Database) -> tuple[str, str]:
    sign_up(database, password=None, hashed_password="erased")
    return EMAIL, "erased"


REST = "$c29tZXNhbHRzb21l$" + "A" * 43
STRANGE = [
    "$argon2id$v=19$m=65536,t=400,p=1" + REST,
    "$argon2id$v=19$m=99999999,t=1,p=1" + REST,
    "$argon2id$v=19$m=65536,t=1,p=4294967295" + REST,
    f"$argon2id$v=19$m={'9' * 100},t=1,p=1{REST}",
    "$argon2id$v=19$m=8,t=1,p=1$é$AAAA",
    "$argon2id$v=19$m=8,t=1,p=\u0661" + REST,
    "$argon2id$v=19$m=8,t=1,p=1",
    "$argon2id$",
]


@pytest.mark.parametrize("hashed", STRANGE)
def test_a_hash_that_is_strange_or_too_costly_is_nobodys(
    hashed: str, domain_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[object] = []
    verify = Argon2Hasher.verify

    def watched(self: Argon2Hasher, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002  # theirs
        verified.append(hash)
        return verify(self, password, hash)

    monkeypatch.setattr(Argon2Hasher, "verify", watched)
    sign_up(domain_db, password=None, hashed_password=hashed)
    assert domain_db.verify_login(EMAIL, PASSWORD) is None
    assert verified == [passwords.argon2_hasher()[1]]


@pytest.mark.parametrize(
    "case",
    [
        _unknown,
        _wrong,
        _empty,
        _of_an_email_that_no_column_can_hold,
        _of_half_a_surrogate_pair,
        _inactive,
        _inactive_with_a_weak_hash,
        _deleted,
        _of_a_deleted_organization,
        _of_another_algorithm,
    ],
    ids=lambda case: case.__name__,
)
def test_whoever_may_not_log_in_gets_none_after_one_verification(
    case: Callable[[Database], tuple[str, str]], domain_db: Database, computed: list[str]
) -> None:
    email, password = case(domain_db)
    computed.clear()
    assert domain_db.verify_login(email, password) is None
    assert computed == ["verify"]
    with domain_db.system_session(actor="tests", reason="look") as system:
        logins = [user.last_login_at for user in system.exec(including_deleted(select(User))).all()]
    assert logins == [None]


def test_a_hash_with_old_parameters_is_replaced_by_a_login(domain_db: Database, computed: list[str]) -> None:
    weak = WEAK.hash(PASSWORD)
    user = sign_up(domain_db, password=None, hashed_password=weak)
    computed.clear()
    found = domain_db.verify_login(EMAIL, PASSWORD)
    assert found is not None
    assert computed == ["verify", "hash"]
    row = stored(domain_db, user)
    assert row.hashed_password == found.hashed_password != weak
    assert verify_password(PASSWORD, row.hashed_password) == (True, None)
    with domain_db.get_session(organization_id=2) as session:
        entry = AuditRepository(session).page(entity=User, row_id=user.id).items[0]
    assert (entry.actor, entry.after) == (f"user:{user.id}", {"hashed_password": "***"})


@pytest.mark.parametrize("change", ["password", "is_active", "deleted"])
@pytest.mark.parametrize("is_weak", [False, True])
def test_a_login_that_was_taken_away_while_the_password_was_hashed_is_none(
    change: str, is_weak: bool, domain_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"password": None, "hashed_password": WEAK.hash(PASSWORD)} if is_weak else {}
    user = sign_up(domain_db, **given)
    other = hash_password("another")

    def verify(*arguments: Any) -> tuple[bool, str | None]:
        with domain_db.get_session(organization_id=2) as session:
            users = UserRepository(session)
            if change == "deleted":
                users.soft_delete(user.id)
            elif change == "password":
                users.require(user.id).hashed_password = other
            else:
                users.require(user.id).is_active = False
        return verify_password(*arguments)

    monkeypatch.setattr(database_module, "verify_password", verify)
    assert domain_db.verify_login(EMAIL, PASSWORD) is None
    row = stored(domain_db, user)
    assert row.last_login_at is None
    assert row.hashed_password == (other if change == "password" else user.hashed_password)
    assert row.version == 2


def test_a_patch_meanwhile_is_kept(domain_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    user = sign_up(domain_db, password=None, hashed_password=WEAK.hash(PASSWORD))

    def verify(*arguments: Any) -> tuple[bool, str | None]:
        with domain_db.get_session(organization_id=2) as session:
            UserRepository(session).update(user.id, UserPatch(full_name="Ann Other"))
        return verify_password(*arguments)

    monkeypatch.setattr(database_module, "verify_password", verify)
    found = domain_db.verify_login(EMAIL, PASSWORD)
    assert found is not None
    assert found.full_name == stored(domain_db, user).full_name == "Ann Other"


@pytest.mark.parametrize("given", [{}, {"password": PASSWORD, "hashed_password": "x"}, {"password": ""}])
def test_exactly_one_of_password_and_hash_is_given(given: dict[str, str], domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        users: Any = UserRepository(session)
        with pytest.raises(ArgumentError, match=r"one of the two|at least one character") as refused:
            users.create(email=EMAIL, full_name="Ann", **given)
        assert PASSWORD not in str(refused.value)
        assert users.count() == 0


@pytest.mark.parametrize("password", ["\ud800", "nul\x00nul", "x" * 100_000, " "])
def test_any_text_is_a_password(password: str) -> None:
    hashed = hash_password(password)
    assert verify_password(password, hashed) == (True, None)
    assert verify_password(password + "x", hashed) == (False, None)


@pytest.mark.parametrize("missing", ["pwdlib", "argon2"])
def test_without_the_extra_the_error_says_what_to_install(
    missing: str, domain_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "pwdlib.hashers.argon2")
    passwords.argon2_hasher.cache_clear()
    with pytest.raises(ConfigurationError, match=r"pip install 'procurement-domain\[passwords\]'"):
        sign_up(domain_sqlite)
    with pytest.raises(ConfigurationError, match="passwords"):
        domain_sqlite.verify_login(EMAIL, PASSWORD)
    assert sign_up(domain_sqlite, password=None, hashed_password="by another library").id == 1


def test_no_log_or_error_shows_the_password_or_a_hash(
    domain_db: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    url = domain_db.engine.url.render_as_string(hide_password=False)
    weak = WEAK.hash(PASSWORD)
    with caplog.at_level(logging.DEBUG), Database(url, echo=True) as echoing:
        user = sign_up(echoing, password=None, hashed_password=weak)
        echoing.verify_login(EMAIL, PASSWORD)
        with pytest.raises(Exception, match="full_name") as refused:
            sign_up(echoing, full_name="")
        found = echoing.verify_login(EMAIL, PASSWORD)
    assert found is not None
    shown = f"{caplog.text} {capsys.readouterr()} {found!r} {refused.value!r} {refused.value.__cause__!r}"
    assert "users" in caplog.text
    for secret in (PASSWORD, weak, stored(domain_db, user).hashed_password, "argon2id"):
        assert secret not in shown


def test_no_user_has_the_password_of_nobody() -> None:
    assert verify_password("", None) == verify_password(PASSWORD, None) == (False, None)
