"""API keys: shown once, stored as hashes, and found whatever their organization."""

from hashlib import sha256

import pytest
from pydantic import ValidationError
from sqlmodel import select

from domain import AuditRepository, Database, OrganizationRepository, UserRole
from domain.models import ApiKey, ApiKeyPublic, IssuedApiKey
from domain.repositories import ApiKeyRepository


def issue(database: Database, name: str = "nightly import", organization_id: int = 1) -> IssuedApiKey:
    with database.get_session(organization_id=organization_id) as session:
        return ApiKeyRepository(session).issue(name)


def found(database: Database, key: str) -> tuple[int, int] | None:
    row = database.find_api_key(key)
    return None if row is None else (row.organization_id, row.id)


def test_a_key_is_found_with_its_organization_and_no_other_is(domain_db: Database) -> None:
    first, second = issue(domain_db), issue(domain_db, organization_id=2)
    assert first.key != second.key
    assert (found(domain_db, first.key), found(domain_db, second.key)) == ((1, first.id), (2, second.id))


@pytest.mark.parametrize("guessed", ["", "guessed", "sec\x00ret", "\ud800", "0" * 64])
def test_what_is_no_key_finds_none(domain_db: Database, guessed: str) -> None:
    key = issue(domain_db).key
    assert found(domain_db, guessed) is None
    assert found(domain_db, sha256(key.encode()).hexdigest()) is None  # what is stored opens nothing


def test_a_deleted_key_is_not_found_nor_one_of_a_deleted_organization(domain_db: Database) -> None:
    gone, theirs, kept = issue(domain_db), issue(domain_db, organization_id=2), issue(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        assert ApiKeyRepository(session).soft_delete(gone.id)
    with domain_db.get_session(organization_id=2) as session:
        assert OrganizationRepository(session).soft_delete(2)
    assert [found(domain_db, each.key) for each in (gone, theirs, kept)] == [None, None, (1, kept.id)]


def test_a_key_has_the_rights_that_it_was_issued_with(domain_db: Database) -> None:
    with domain_db.get_session() as session:
        keys = ApiKeyRepository(session)
        assert keys.issue("reader", UserRole.VIEWER, org_id=2).role is UserRole.VIEWER
        assert keys.issue("writer").role is UserRole.MEMBER
        assert [(key.name, key.role) for key in keys.find()] == [("writer", "member"), ("reader", "viewer")]
        with pytest.raises(ValidationError):
            keys.issue("")


def test_a_key_is_shown_once_and_stored_nowhere(domain_db: Database) -> None:
    issued = issue(domain_db)
    digest = sha256(issued.key.encode()).hexdigest()
    assert len(issued.key) >= 43  # 256 bits
    assert issued.key not in repr(issued)
    assert issued.model_dump()["key"] == issued.key
    with domain_db.get_session(organization_id=1) as session:
        stored = ApiKeyRepository(session).require(issued.id)
        shown = repr(stored), ApiKeyPublic.model_validate(stored).model_dump_json(), stored.model_dump_json()
        entries = [entry.model_dump_json() for entry in AuditRepository(session).page().items]
        assert session.exec(select(ApiKey.digest)).all() == [digest]
    assert any("api_keys" in entry for entry in entries)
    assert all(secret not in one for secret in (issued.key, digest) for one in (*shown, *entries))
