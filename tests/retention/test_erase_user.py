"""Erasing a person: the business record stays, who they were does not."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData, String, cast, select, text

from domain import Database, Entity, NotFoundError, Tender, TenderRepository, User, UserRepository, UserRole
from domain.errors import LegalHoldError
from domain.retention import erase_user, purge
from tests.retention.kinds import Remark, Section
from tests.retention.rows import LONG_AGO, put

EMAIL, NAME = "ann.o'neill+50%@example.org", "Ann-Sophie O'Neill (50%)"


def ann(database: Database, *, deleted_days_ago: float | None = None) -> int:
    """A user of organization 1."""
    user = put(
        database,
        User,
        organization_id=1,
        email=EMAIL,
        full_name=NAME,
        role=UserRole.ADMIN,
        deleted_days_ago=deleted_days_ago,
    )
    number: int = user["id"]
    return number


def texts(database: Database) -> Iterator[tuple[str, str]]:
    """Every value of every column of every table that the database has, our models or not, as text."""
    with database.migration_engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.tables.values():
            for column in table.c:
                for value in connection.scalars(select(cast(column, String)).where(column.is_not(None))):
                    yield f"{table.name}.{column.name}", str(value)


def mentions(database: Database, *words: str) -> set[str]:
    return {place for place, value in texts(database) for word in words if word.lower() in value.lower()}


def stored(database: Database, model: type[Entity], entity_id: int) -> dict[str, Any]:
    table = model.__table__
    with database.migration_engine.connect() as connection:
        return dict(connection.execute(select(table).where(table.c.id == entity_id)).mappings().one())


def test_nothing_in_any_table_has_their_name_or_address_and_the_rest_stays(domain_db: Database) -> None:
    user_id = ann(domain_db)
    put(domain_db, User, organization_id=1, email="joann@example.org", full_name="Joann")
    tender = put(domain_db, Tender, organization_id=1)
    section = put(domain_db, Section, organization_id=1, tender_id=tender["id"])
    remark = put(domain_db, Remark, organization_id=1, section_id=section["id"], user_id=user_id)
    put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO)
    for name in ("Ann", NAME):
        with domain_db.get_session(organization_id=1, actor=EMAIL, request_id=f"login of {EMAIL}") as session:
            UserRepository(session).require(user_id).full_name = name
    with domain_db.get_session(organization_id=1, actor=NAME) as session:
        TenderRepository(session).soft_delete(tender["id"])
    purge(domain_db, actor=EMAIL, reason=f"asked for by {NAME.upper()}, not by Joann")
    assert mentions(domain_db, EMAIL, NAME) >= {
        "users.email",
        "users.full_name",
        "system_access.actor",
        "system_access.reason",
        "purge_records.actor",
        "purge_records.reason",
        "tenders.deleted_by",
        "audit_entries.actor",
        "audit_entries.request_id",
        "audit_entries.personal",
    }
    before = stored(domain_db, User, user_id)
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason=f"{EMAIL} asked for it")
    assert mentions(domain_db, EMAIL, NAME) == set()
    after = stored(domain_db, User, user_id)
    kept = ("id", "organization_id", "role", "created_at", "last_login_at")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["version"] > before["version"]
    assert mentions(domain_db, "not by Joann") == {"system_access.reason", "purge_records.reason"}
    assert stored(domain_db, Remark, remark["id"])["user_id"] == user_id


def test_their_login_ends_and_can_not_be_brought_back(domain_db: Database) -> None:
    user_id = ann(domain_db)
    assert domain_db.find_login(EMAIL) is not None
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    assert domain_db.find_login(EMAIL) is None
    with domain_db.get_session(organization_id=1) as session:
        users = UserRepository(session)
        assert users.get(user_id) is None
        assert users.restore(user_id) is False
        users.create(email=EMAIL, full_name=NAME, hashed_password="x")  # the address is free again


def test_a_user_deleted_before_is_erased_too_and_can_be_again(domain_db: Database) -> None:
    user_id = ann(domain_db, deleted_days_ago=1)
    deleted_at = stored(domain_db, User, user_id)["deleted_at"]
    for _ in range(2):
        erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    after = stored(domain_db, User, user_id)
    assert (after["email"], after["full_name"]) == (f"erased-{user_id}@erased.invalid", "erased")
    assert after["deleted_at"] == deleted_at


def test_two_erased_users_do_not_clash(domain_db: Database) -> None:
    for user in (ann(domain_db), put(domain_db, User, organization_id=1)["id"]):
        erase_user(domain_db, organization_id=1, user_id=user, actor="privacy", reason="asked")


def test_a_legal_hold_refuses_it(domain_db: Database) -> None:
    user_id = ann(domain_db)
    with domain_db.migration_engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET legal_hold = true WHERE id = 1"))
    with pytest.raises(LegalHoldError, match="organization 1 is under a legal hold"):
        erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    assert stored(domain_db, User, user_id)["email"] == EMAIL


def test_another_organization_s_user_is_not_found(domain_db: Database) -> None:
    user_id = ann(domain_db)
    for organization_id in (2, 3):
        with pytest.raises(NotFoundError):
            erase_user(domain_db, organization_id=organization_id, user_id=user_id, actor="privacy", reason="asked")
    assert stored(domain_db, User, user_id)["email"] == EMAIL
