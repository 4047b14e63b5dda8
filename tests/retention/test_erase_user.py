"""Erasing a person: the business record stays, who they were does not."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData, String, cast, select, text

from domain import (
    ArgumentError,
    AuditEntry,
    Database,
    Entity,
    NotFoundError,
    Tender,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
    UserRole,
)
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


def test_no_table_has_their_address_as_an_actor_s_and_the_rest_stays(domain_db: Database) -> None:
    user_id = ann(domain_db)
    tender = put(domain_db, Tender, organization_id=1)
    section = put(domain_db, Section, organization_id=1, tender_id=tender["id"])
    remark = put(domain_db, Remark, organization_id=1, section_id=section["id"], user_id=user_id)
    put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO)
    for name in ("Ann", NAME):
        with domain_db.get_session(organization_id=1, actor=EMAIL.upper()) as session:
            UserRepository(session).require(user_id).full_name = name
    with domain_db.get_session(organization_id=1, actor=EMAIL) as session:
        found = session.get(Remark, (1, remark["id"]))
        assert found is not None
        found.reviewer = EMAIL
        session.flush()
        TenderRepository(session).soft_delete(tender["id"])
    purge(domain_db, actor=EMAIL, reason="tidy")
    assert mentions(domain_db, EMAIL, NAME) >= {
        "users.email",
        "users.full_name",
        "system_access.actor",
        "purge_records.actor",
        "tenders.deleted_by",
        "test_remarks.reviewer",
        "audit_entries.actor",
        "audit_entries.after",
        "audit_entries.personal",
    }
    before = stored(domain_db, User, user_id)
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    assert mentions(domain_db, EMAIL, NAME) == set()
    pseudonym = f"erased-{user_id}"
    assert {"tenders.deleted_by", "test_remarks.reviewer", "audit_entries.after"} <= mentions(domain_db, pseudonym)
    after = stored(domain_db, User, user_id)
    kept = ("id", "organization_id", "role", "created_at", "last_login_at")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["version"] > before["version"]
    assert stored(domain_db, Remark, remark["id"])["user_id"] == user_id


def test_an_earlier_address_goes_too(domain_db: Database) -> None:
    user_id = ann(domain_db)
    for address in ("ann.miller@example.org", "ann.smith@example.org"):
        with domain_db.get_session(organization_id=1, actor=EMAIL) as session:
            UserRepository(session).require(user_id).email = address
    tender = put(domain_db, Tender, organization_id=1)
    with domain_db.get_session(organization_id=1, actor="ann.miller@example.org") as session:
        TenderRepository(session).soft_delete(tender["id"])
    with domain_db.system_session(actor=EMAIL, reason="a look"):
        pass
    addresses = (EMAIL, "ann.miller@example.org", "ann.smith@example.org")
    assert mentions(domain_db, *addresses) >= {"tenders.deleted_by", "system_access.actor", "audit_entries.actor"}
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    assert mentions(domain_db, *addresses) == set()


def test_an_address_from_before_a_move_goes_where_it_is_named(domain_db: Database) -> None:
    user_id, maiden = ann(domain_db), "ann.maiden@example.org"
    put(domain_db, User, organization_id=2, email="bo@example.org")
    for actor in (maiden.upper(), "bo@example.org"):
        tender = put(domain_db, Tender, organization_id=1)
        with domain_db.get_session(organization_id=1, actor=actor) as session:
            TenderRepository(session).soft_delete(tender["id"])
    for wrong in (maiden, ["ann"], [maiden, ""]):
        with pytest.raises(ArgumentError, match="each has an @"):
            erase_user(
                domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked", former_addresses=wrong
            )
    assert stored(domain_db, User, user_id)["email"] == EMAIL
    erase_user(
        domain_db,
        organization_id=1,
        user_id=user_id,
        actor="privacy",
        reason="asked",
        former_addresses=[f" {maiden.title()}", "bo@example.org"],
    )
    assert mentions(domain_db, maiden) == set()
    assert mentions(domain_db, "bo@example.org") >= {"users.email", "tenders.deleted_by"}  # who has it now


def test_who_they_were_before_goes_from_the_trail_too(domain_db: Database) -> None:
    user_id = ann(domain_db)
    earlier = (("Ann Miller", "ann.miller@example.org"), ("Ann Smith", "ann.smith@example.org"))
    for name, address in earlier:
        with domain_db.get_session(organization_id=1, actor="user:1") as session:
            user = UserRepository(session).require(user_id)
            user.full_name, user.email = name, address
    with domain_db.get_session(organization_id=1, actor="user:1") as session:
        other = UserRepository(session).create(email="bo@example.org", full_name="Bo Berg", hashed_password="x")
        other.full_name = "Bo Bergman"
    words = (NAME, EMAIL, *(word for pair in earlier for word in pair))
    for word in words:
        assert "audit_entries.personal" in mentions(domain_db, word), word
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    assert mentions(domain_db, *words) == set()
    assert mentions(domain_db, "Bo Berg") == {"users.full_name", "audit_entries.personal"}  # and nobody else's does


def test_what_people_wrote_stays_in_the_trail_beside_who_did_it(domain_db: Database) -> None:
    user_id = ann(domain_db)
    section = put(domain_db, Section, organization_id=1, tender_id=put(domain_db, Tender, organization_id=1)["id"])
    remark = put(domain_db, Remark, organization_id=1, section_id=section["id"])
    for reviewer, words in ((EMAIL, None), (EMAIL, EMAIL), (None, EMAIL.title()), (None, "nothing")):
        with domain_db.get_session(organization_id=1, actor="user:1") as session:
            found = session.get(Remark, (1, remark["id"]))
            assert found is not None
            found.reviewer, found.words = reviewer, words
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    entries = AuditEntry.__table__
    with domain_db.migration_engine.connect() as connection:
        of_remark = select(entries.c.after).where(entries.c.entity == "test_remarks", entries.c.action == "update")
        after = list(connection.scalars(of_remark.order_by(entries.c.id)))
    assert after == [
        {"reviewer": f"erased-{user_id}"},
        {"words": EMAIL},
        {"reviewer": None, "words": EMAIL.title()},
        {"words": "nothing"},
    ]


@pytest.mark.parametrize("address", ['"ann.smith"@example.org', "ann\\smith@example.org", "jürgen@exämple.org"])
def test_an_address_goes_from_the_trail_whatever_its_letters(domain_db: Database, address: str) -> None:
    user = put(domain_db, User, organization_id=1, email=address)
    section = put(domain_db, Section, organization_id=1, tender_id=put(domain_db, Tender, organization_id=1)["id"])
    remark = put(domain_db, Remark, organization_id=1, section_id=section["id"])
    for reviewer in (address, None):
        with domain_db.get_session(organization_id=1, actor=address) as session:
            found = session.get(Remark, (1, remark["id"]))
            assert found is not None
            found.reviewer = reviewer
    erase_user(domain_db, organization_id=1, user_id=user["id"], actor="privacy", reason="asked")
    entries = AuditEntry.__table__
    with domain_db.migration_engine.connect() as connection:
        of_remark = select(entries.c.actor, entries.c.after, entries.c.before).where(entries.c.action == "update")
        rows = connection.execute(of_remark.where(entries.c.entity == "test_remarks").order_by(entries.c.id)).all()
    name = f"erased-{user['id']}"
    assert [tuple(row) for row in rows] == [
        (name, {"reviewer": name}, {"reviewer": None}),
        (name, {"reviewer": None}, {"reviewer": name}),
    ]


def test_an_address_that_somebody_else_has_now_is_theirs(domain_db: Database) -> None:
    user_id = ann(domain_db)
    with domain_db.get_session(organization_id=1, actor="user:1") as session:
        UserRepository(session).require(user_id).email = "ann.miller@example.org"
    with domain_db.get_session(organization_id=2) as session:
        UserRepository(session).create(email=EMAIL, full_name="Another Ann", hashed_password="x")
    with domain_db.system_session(actor=EMAIL, reason="a look"):
        pass
    erase_user(domain_db, organization_id=1, user_id=user_id, actor="privacy", reason="asked")
    assert mentions(domain_db, EMAIL) == {"users.email", "system_access.actor"}
    assert mentions(domain_db, "ann.miller@example.org") == set()


@pytest.mark.parametrize("name", ["pending", "nightly-purge", "1", "tenders", "user:12"])
def test_a_member_who_is_called_like_a_word_of_the_system_takes_no_word_away(domain_db: Database, name: str) -> None:
    """Not of others' rows, of the trail, or of the records of the whole system."""
    user = put(domain_db, User, organization_id=1, email=f"{name.replace(':', '')}@example.org", full_name=name)
    tender = put(domain_db, Tender, organization_id=1, title=f"{name} for {user['email']}", description=name)
    put(domain_db, Tender, organization_id=1, deleted_days_ago=LONG_AGO)
    with domain_db.get_session(organization_id=1, actor=name, request_id=name) as session:
        TenderRepository(session).update_status(tender["id"], TenderStatus.PROCESSING)
        TenderRepository(session).soft_delete(tender["id"])
    purge(domain_db, actor="nightly-purge", reason=f"pending, as {user['email']} said")
    kept = [(place, value) for place, value in texts(domain_db) if not place.startswith("users.")]
    assert len(kept) > 50
    with domain_db.system_session(actor=name, reason=name):
        pass
    erase_user(domain_db, organization_id=1, user_id=user["id"], actor="privacy", reason="asked")
    left = [(place, value) for place, value in texts(domain_db) if not place.startswith("users.")]
    assert not Counter(kept) - Counter(left)
    assert name in [value for place, value in left if place == "system_access.actor"]


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
