"""What the library fills in is taken from nobody: neither by a constructor, nor from JSON, nor in a statement."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import insert as core_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import col, insert, select, update

from domain import (
    ArgumentError,
    Database,
    Organization,
    OrganizationRepository,
    TenantEntity,
    TenantScopeError,
    Tender,
    TenderRepository,
    Text,
    User,
    managed_field,
)
from domain.errors import InvalidRowsError
from domain.kit.model import DomainModel
from domain.kit.model.managed import managed_fields
from domain.kit.model.registry import REGISTRY
from domain.kit.records import AuditEntry, PurgeRecord, SystemAccess
from domain.testing import build
from domain.testing.attack.entities import changes

TABLES: list[type[Any]] = sorted(
    (mapper.class_ for mapper in REGISTRY.mappers if mapper.class_.__module__.startswith("domain")),
    key=lambda model: model.__name__,
)
FIELDS = [(model, name) for model in TABLES for name in sorted(managed_fields(model))]
HIGHEST = 2**63 - 1


def run(session: Any, statement: Any, *parameters: Any) -> None:
    """As a user writes it who does not know ``exec``."""
    session.execute(statement, *parameters)


def test_every_table_has_some() -> None:
    assert {Organization, User, Tender, AuditEntry, SystemAccess, PurgeRecord} <= set(TABLES)
    assert all(managed_fields(model) == managed_fields(model, by_library=True) for model in TABLES)
    assert managed_fields(Tender) == {
        *("id", "created_at", "updated_at", "version", "is_deleted", "deleted_at", "deletion_id", "deleted_by"),
        *("leased_until", "attempts"),
    }


WAYS: dict[str, Callable[[type[Any], dict[str, Any]], object]] = {
    "constructor": lambda model, fields: model(**fields),
    "model_validate": lambda model, fields: model.model_validate(fields),
    "update": lambda model, fields: model.model_validate({}, update=fields),
    "model_validate_json": lambda model, fields: model.model_validate_json(json.dumps(fields)),
    "type adapter": lambda model, fields: TypeAdapter[Any](model).validate_python(fields),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "name"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name in FIELDS])
def test_a_client_s_data_may_not_name_one(model: type[DomainModel], name: str, way: str) -> None:
    written = model.model_fields.keys() - managed_fields(model)
    examples = {key: (field.examples or [None])[0] for key, field in model.model_fields.items()}
    fields = {key: examples[key] for key in written}
    assert WAYS[way](model, fields)
    with pytest.raises(ValidationError) as refused:
        WAYS[way](model, {**fields, name: examples[name]})
    assert [(line["loc"][-1], line["msg"]) for line in refused.value.errors()] == [
        (name, "set by the database or the library; leave it out")
    ]


def test_a_stored_row_s_own_are_kept_where_it_is_copied_and_none_is_added(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        row = TenderRepository(session).create(title="Bridge")
    assert Tender.model_validate(row).id == row.id
    with pytest.raises(ValidationError, match="leave it out"):
        Tender.model_validate(row, update={"id": HIGHEST})
    assert build(Tender, id=7, version=3).version == 3


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name in FIELDS])
def test_none_is_assigned(model: type[DomainModel], name: str) -> None:
    row = build(model)
    before = vars(row).get(name)
    value = (model.model_fields[name].examples or [None])[0]
    with pytest.raises(AttributeError, match="read-only: set by the database or the library"):
        setattr(row, name, value)
    with pytest.raises(AttributeError, match="read-only: set by the database or the library"):
        row.sqlmodel_update({name: value})
    assert vars(row).get(name) == before


METHODS = {
    "id": r"domain\.transfer loads rows that keep theirs",
    "created_at": r"domain\.transfer",
    "updated_at": r"domain\.transfer",
    "organization_id": r"a row stays in its organization; domain\.transfer",
    "version": r"update\(\.\.\., expected_version=\.\.\.\)",
    "is_deleted": "soft_delete, soft_delete_where and restore",
    "deleted_at": "soft_delete, soft_delete_where and restore",
    "deletion_id": "soft_delete, soft_delete_where and restore",
    "deleted_by": "soft_delete, soft_delete_where and restore",
}


@pytest.mark.parametrize("name", METHODS)
def test_the_refusal_names_what_to_call_instead(domain_db: Database, name: str) -> None:
    value = {"organization_id": 2}.get(name, (Tender.model_fields[name].examples or [None])[0])
    with domain_db.get_session(organization_id=1) as session:
        row = TenderRepository(session).create(title="Bridge")
        before = row.model_dump()
        with pytest.raises(AttributeError, match=METHODS[name]):
            setattr(row, name, value)
        with pytest.raises(ArgumentError, match=METHODS[name]):
            TenderRepository(session).update(row.id, changes(Tender, **{name: value}))
        if name != "organization_id":
            with pytest.raises(ArgumentError, match=METHODS[name]):
                run(session, update(Tender).values({name: value}))
            with pytest.raises(InvalidRowsError, match=METHODS[name]):
                TenderRepository(session).create_many([{"title": "Bridge", name: value}])
        else:
            with pytest.raises(TenantScopeError, match=r"domain\.transfer loads copies"):
                run(session, update(Tender).values(organization_id=2))
            row.organization_id = 1  # as it is
        assert row.model_dump() == before


class Stamped(TenantEntity, table=True):
    """An application's own table, with a column that its own code fills in."""

    __tablename__ = "test_stamped"
    stamp: Text | None = managed_field(default=None)


def test_an_application_s_own_is_written_by_its_code_and_by_no_client(domain_db: Database) -> None:
    for way in ("constructor", "model_validate_json"):
        with pytest.raises(ValidationError, match="leave it out"):
            WAYS[way](Stamped, {"stamp": "forged"})
    with domain_db.get_session(organization_id=1) as session:
        row = Stamped()
        row.stamp = "assigned"
        session.add(row)
        session.flush()
        run(session, update(Stamped).values(stamp=col(Stamped.stamp) + ", updated"))
        session.refresh(row)
        assert row.stamp == "assigned, updated"


STATEMENTS: dict[str, Any] = {
    "values": update(Tender).values(is_deleted=True),
    "values by column": update(Tender).values({col(Tender.id): HIGHEST}),
    "version": update(Tender).values(version=1),
    "version of another": update(Tender).values(version=Tender.version + 2),
    "updated_at": update(Tender).values(updated_at=None),
    "leased_until": update(Tender).values(leased_until=None),
    "attempts": update(Tender).values(attempts=0),
    "ordered": update(Tender).ordered_values((col(Tender.deleted_by), "x"), (col(Tender.version), Tender.version + 1)),
    "alias": update(aliased(Tender)).values(is_deleted=True),
    "table": update(Tender.__table__).values(deletion_id=None),
    "insert": insert(Tender).values(id=HIGHEST, title="x", organization_id=1),
    "insert many": insert(Tender).values([{"title": "x", "organization_id": 1, "id": HIGHEST}]),
    "insert from select": core_insert(Tender).from_select(["id"], select(col(Tender.id))),
    "upsert": sqlite.insert(Tender).values(title="x").on_conflict_do_update(set_={"version": 1}),
    "upsert of PostgreSQL": postgresql.insert(Tender)
    .values(title="x")
    .on_conflict_do_update(index_elements=["id"], set_={"version": 1}),
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_may_not_set_one(domain_sqlite: Database, statement: Any) -> None:
    with domain_sqlite.system_session(actor="tests", reason="statements") as system:
        with pytest.raises(ArgumentError, match="set by the database or the library; leave it out"):
            run(system, statement)
        system.rollback()


PARAMETERS: list[tuple[Any, Any]] = [
    (update(Tender), {"deleted_by": "x"}),
    (update(Tender), [{"organization_id": 1, "id": 1, "version": 9}]),
    (insert(Tender), {"title": "x", "organization_id": 1, "id": HIGHEST}),
    (insert(Tender), [{"title": "x", "organization_id": 1}, {"title": "x", "organization_id": 1, "is_deleted": True}]),
]


@pytest.mark.parametrize(("statement", "parameters"), PARAMETERS)
def test_nor_may_its_parameters(domain_db: Database, statement: Any, parameters: Any) -> None:
    with domain_db.system_session(actor="tests", reason="parameters") as system:
        with pytest.raises(ArgumentError, match="leave it out"):
            run(system, statement, parameters)
        system.rollback()


def test_a_tenant_session_refuses_it_and_what_is_the_caller_s_is_written(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
        for values in ({"is_deleted": True}, {"deleted_at": None}, {"version": 7}):
            with pytest.raises(ArgumentError, match="leave it out"):
                run(session, update(Tender).values(values))
        run(session, update(Tender).values(title="Tunnel", version=Tender.version + 1))
        run(session, update(Tender).values(source="feed"))
        run(session, insert(Tender).values(title="Road", organization_id=1))
        session.refresh(tender)
        assert (tender.title, tender.source, tender.version, tender.is_deleted) == ("Tunnel", "feed", 3, False)
        assert TenderRepository(session).count() == 2


def test_a_given_id_stops_no_other_organization_s_inserts(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        repository = TenderRepository(session)
        with pytest.raises(ValidationError):
            Tender.model_validate({"title": "x", "id": HIGHEST})
        for rows in ([{"title": "x", "id": HIGHEST}], [{"title": "x", "external_id": "1", "created_at": None}]):
            for write in (repository.create_many, repository.upsert_many):
                with pytest.raises(InvalidRowsError, match="can't be written by bulk writes"):
                    write(rows)
        with pytest.raises(ArgumentError):
            run(session, insert(Tender).values(title="x", organization_id=1, id=HIGHEST))
    with domain_db.get_session(organization_id=2) as session:
        assert TenderRepository(session).create(title="Bridge").id < 10
    with domain_db.get_session() as session:
        assert OrganizationRepository(session).create(name="Third", slug="third").id < 10
