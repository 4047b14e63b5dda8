"""A row that is found by a secret before its organization is known: an API key by its hash."""

import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import text
from sqlmodel import Field, col, select

from domain import (
    ArgumentError,
    AuditRepository,
    Database,
    DomainModel,
    DuplicateError,
    Entity,
    OrganizationRepository,
    TenantEntity,
    TenantRepository,
    TenantRequiredError,
    TenantSession,
    Text,
    constructor,
    example,
)
from domain.kit.schema.scope import scope
from domain.models import lookup_field
from domain.testing.attack import attack
from tests.attack.layers import Layer, switched_off

SETTING = "app.find_test_gate_keys_digest"


class GateKey(TenantEntity, table=True):
    """What a program of an organization logs in with."""

    __tablename__ = "test_gate_keys"
    __table_args__: ClassVar[Any] = ()
    label: Text = Field(max_length=40, schema_extra=example("nightly import"))
    digest: Text = lookup_field(min_length=64, max_length=64, schema_extra=example("0" * 64))


class GateKeyRepository(TenantRepository[GateKey]):
    """The keys of one organization."""

    model = GateKey

    @constructor(GateKey)
    def create(self, entity: GateKey) -> GateKey:
        """Insert a key."""
        return self.add(entity)


def digest_of(word: str) -> str:
    return sha256(word.encode()).hexdigest()


@pytest.fixture
def keys(domain_db: Database) -> dict[str, GateKey]:
    """Two keys of organization 1, one of organization 2."""
    made: dict[str, GateKey] = {}
    for word, organization in (("one", 1), ("other", 1), ("two", 2)):
        with domain_db.get_session(organization_id=organization) as session:
            made[word] = GateKeyRepository(session).create(label=word, digest=digest_of(word))
    return made


def find(database: Database, word: str) -> GateKey | None:
    return database.find_by_secret(GateKey, digest=digest_of(word))


def seen(database: Database, *, setting: str | None = None, value: str = "") -> list[str]:
    """The labels that SQL sees past every session, with the setting if given."""
    with database.engine.begin() as connection:
        if setting is not None:
            driver: Any = connection.connection.dbapi_connection
            driver.set_local(setting, value)
        return sorted(connection.scalars(text("SELECT label FROM test_gate_keys")))


def test_a_key_is_found_whatever_its_organization_and_binds(domain_db: Database, keys: dict[str, GateKey]) -> None:
    for word, key in keys.items():
        found = find(domain_db, word)
        assert found is not None
        assert (found.id, found.label, found.organization_id) == (key.id, word, key.organization_id)
        with domain_db.tenant(found.organization_id, actor=f"key:{found.id}").session() as session:
            assert {row.label for row in GateKeyRepository(session).find()} == (
                {"two"} if word == "two" else {"one", "other"}
            )


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "%", "_" * 64, digest_of("three"), digest_of("one").upper(), digest_of("one")[:-1], "' OR 1=1 --"),
        *("sec\x00ret", "\ud800", digest_of("one") + "\x00"),  # which no column can hold
    ],
)
def test_a_wrong_value_finds_none(domain_db: Database, keys: dict[str, GateKey], wrong: str) -> None:
    assert find(domain_db, "one") is not None
    assert domain_db.find_by_secret(GateKey, digest=wrong) is None


def test_a_deleted_key_is_not_found_and_a_restored_one_is(domain_db: Database, keys: dict[str, GateKey]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        assert GateKeyRepository(session).soft_delete(keys["one"].id)
    assert find(domain_db, "one") is None
    assert find(domain_db, "other") is not None
    with domain_db.get_session(organization_id=1) as session:
        assert GateKeyRepository(session).restore(keys["one"].id)
    assert find(domain_db, "one") is not None


def test_the_keys_of_a_deleted_organization_are_not_found(domain_db: Database, keys: dict[str, GateKey]) -> None:
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).soft_delete(1)
    assert find(domain_db, "one") is None
    assert find(domain_db, "two") is not None
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).restore(1)
    assert find(domain_db, "one") is not None


def test_the_database_shows_the_one_row_whose_value_is_named_and_no_other(
    domain_db: Database, keys: dict[str, GateKey]
) -> None:
    assert seen(domain_db) == []
    assert seen(domain_db, setting=SETTING, value=digest_of("two")) == ["two"]
    for value in ("", "%", digest_of("three"), "1", "two"):
        assert seen(domain_db, setting=SETTING, value=value) == []


def _failing(session: TenantSession) -> None:
    with pytest.raises(Exception, match="interrupted"), session.announced(SETTING, digest_of("one")):
        raise RuntimeError("interrupted")


def _in_a_savepoint(session: TenantSession) -> None:
    with session.begin_nested() as savepoint:
        assert session.look_up(GateKey, "digest", digest_of("one")) is not None
        savepoint.rollback()


def _plain(session: TenantSession) -> None:
    assert session.look_up(GateKey, "digest", digest_of("one")) is not None


@pytest.mark.parametrize("look", [_plain, _failing, _in_a_savepoint])
def test_after_a_look_up_the_database_shows_no_row(
    domain_db: Database, keys: dict[str, GateKey], look: Callable[[TenantSession], None]
) -> None:
    with switched_off(domain_db, {Layer.GUARD}), domain_db.get_session() as session:
        look(session)
        driver: Any = session.connection().connection.dbapi_connection
        shown = driver.cursor()
        shown.execute("SELECT count(*) FROM test_gate_keys")
        assert shown.fetchone()[0] == 0


def _fail_after_a_look_up(database: Database) -> None:
    with database.get_session() as session:
        session.announce(SETTING, digest_of("one"))
        assert session.look_up(GateKey, "digest", digest_of("two")) is not None
        raise RuntimeError("the block fails")


def test_a_pooled_connection_forgets_what_was_looked_up(domain_db: Database, keys: dict[str, GateKey]) -> None:
    for _ in range(3):
        assert find(domain_db, "one") is not None
        assert seen(domain_db) == []
    with pytest.raises(RuntimeError):
        _fail_after_a_look_up(domain_db)
    assert seen(domain_db) == []


def test_without_the_value_nothing_is_selected(domain_db: Database, keys: dict[str, GateKey]) -> None:
    with domain_db.get_session() as session, pytest.raises(TenantRequiredError):
        session.exec(select(GateKey).where(col(GateKey.digest) > "")).all()
    with switched_off(domain_db, {Layer.GUARD}), domain_db.get_session() as session:
        assert session.exec(select(GateKey.label)).all() == []


def test_a_value_is_taken_whatever_the_organization_and_no_error_tells_it(
    domain_db: Database, keys: dict[str, GateKey]
) -> None:
    with pytest.raises(DuplicateError) as refused, domain_db.get_session(organization_id=2) as session:
        GateKeyRepository(session).create(label="copy", digest=digest_of("one"))
    assert digest_of("one") not in f"{refused.value!r} {refused.value} {refused.value.__dict__}"
    for wrong in ({"label": "one"}, {}, {"digest": digest_of("one"), "label": "one"}, {"id": "1"}):
        with pytest.raises(ArgumentError, match="GateKey is found by one of its lookup_fields: digest") as named:
            domain_db.find_by_secret(GateKey, **wrong)
        assert digest_of("one") not in str(named.value)


@pytest.mark.parametrize("wrong", [5, None, True, b"secret", 2.5, ["secret"]])
def test_a_value_that_is_no_text_is_refused_in_words(domain_db: Database, keys: dict[str, GateKey], wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=f"digest is a text, not {type(wrong).__name__}") as refused:
        domain_db.find_by_secret(GateKey, digest=wrong)
    assert "secret" not in str(refused.value)


def test_the_value_is_in_no_repr_response_or_audit_entry(domain_db: Database, keys: dict[str, GateKey]) -> None:
    key = keys["one"]
    assert key.digest == digest_of("one")
    for told in (repr(key), str(key), str(dict(key)), str(key.model_dump()), key.model_dump_json()):
        assert "one" in told
        assert key.digest not in told
    with domain_db.get_session(organization_id=1) as session:
        entries = [str(entry.model_dump()) for entry in AuditRepository(session).page().items]
    assert any("test_gate_keys" in entry for entry in entries)
    assert not [entry for entry in entries if key.digest in entry]


def test_keys_hold_against_every_attack(domain_db: Database) -> None:
    report = attack(domain_db, models=[GateKey])
    assert report.leaks == []
    assert report.tried > 100


def test_each_lookup_field_has_a_setting_of_its_own() -> None:
    assert [rule.setting for rule in scope(GateKey.__table__) or ()][1:] == [SETTING]


def test_a_lookup_field_where_it_can_not_be_is_refused() -> None:
    with pytest.raises(TypeError, match=r"OpenKey.digest: lookup_field is for a Text of a TenantEntity"):

        class OpenKey(Entity, table=True):  # pyright: ignore[reportUnusedClass]  # it is never made
            __tablename__ = "test_open_keys"
            digest: Text = lookup_field(max_length=64)

    with pytest.raises(TypeError, match=r"NumberedKey.digest: lookup_field is for a Text of a TenantEntity"):

        class NumberedKey(TenantEntity, table=True):  # pyright: ignore[reportUnusedClass]  # it is never made
            __tablename__ = "test_numbered_keys"
            digest: int = lookup_field()

    assert {"test_open_keys", "test_numbered_keys"}.isdisjoint(DomainModel.metadata.tables)


LATER = """
import sys

from domain import Database, OrganizationRepository, TenantEntity, Text
from domain.models import lookup_field

with Database(sys.argv[1]) as database:
    with database.get_session() as session:
        acme = OrganizationRepository(session).create(name="Acme", slug="acme")

    class LaterKey(TenantEntity, table=True):
        label: Text
        digest: Text = lookup_field(max_length=64)

    with database.get_session(organization_id=acme.id) as session:
        session.add(LaterKey(label="late", digest="0" * 64))
    found = database.find_by_secret(LaterKey, digest="0" * 64)
    assert found is not None
    assert found.organization_id == acme.id
"""


def test_a_connection_that_is_older_than_the_model_finds_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later.db"
    with Database(url) as database:
        database.create_all()
        with database.migration_engine.begin() as connection:  # as another process's migration makes it
            made = str(connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'test_gate_keys'")))
            later = made.replace("test_gate_keys", "laterkey")
            connection.execute(text(later))
    subprocess.run([sys.executable, "-c", LATER, url], cwd=Path(__file__).parents[2], check=True)
