"""References between tenant tables: ``tenant_key`` alone."""

# pyright: reportUnusedClass=false
# A class that is refused is never used.

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field

from domain import DomainModel, Entity, Organization, TenantEntity, Tender, TenderContent, tenant_key

pytestmark = pytest.mark.usefixtures("throwaway_models")


def keys(model: type[DomainModel]) -> set[tuple[str, ...]]:
    constraints = model.__table__.foreign_key_constraints
    return {tuple(f"{key.parent.name}>{key.target_fullname}" for key in rule.elements) for rule in constraints}


OWN = ("organization_id>organizations.id",)
TENDER = ("organization_id>tenders.organization_id", "tender_id>tenders.id")


def test_a_tenant_key_declares_the_column_the_composite_key_and_an_index() -> None:
    class Invoice(TenantEntity, table=True):
        __tablename__ = "invoices"
        tender_id: int = tenant_key(Tender)

    assert keys(Invoice) == {OWN, TENDER}
    assert Invoice.__table__.c.tender_id.nullable is False
    assert ["organization_id", "tender_id"] in [index.columns.keys() for index in Invoice.__table__.indexes]
    assert [column.name for column in Invoice.__table__.primary_key] == ["organization_id", "id"]
    with pytest.raises(ValidationError, match="tender_id\n  Field required"):
        Invoice.model_validate({})


def test_a_reference_may_be_left_out_where_it_is_declared_so() -> None:
    class Note(TenantEntity, table=True):
        __tablename__ = "notes"
        tender_id: int | None = tenant_key(Tender, default=None)

    assert keys(Note) == {OWN, TENDER}
    assert Note.__table__.c.tender_id.nullable is True
    assert Note().tender_id is None
    assert Note(tender_id=None).tender_id is None


def test_a_plain_foreign_key_is_refused_with_the_line_to_write() -> None:
    with pytest.raises(TypeError, match=r"Invoice\.tender_id: .*write tender_id: int = tenant_key\(\.\.\.\)"):

        class Invoice(TenantEntity, table=True):
            __tablename__ = "invoices"
            tender_id: int = Field(foreign_key="tenders.id")


def test_a_plain_foreign_key_is_refused_wherever_it_is_written() -> None:
    with pytest.raises(TypeError, match=r"tender_id: .*tenant_key"):

        class InArguments(TenantEntity, table=True):
            __tablename__ = "in_arguments"
            __table_args__ = (ForeignKeyConstraint(["tender_id"], ["tenders.id"]),)
            tender_id: int

    with pytest.raises(TypeError, match="tenant_key"):

        class OfTwoColumns(TenantEntity, table=True):
            __tablename__ = "of_two_columns"
            __table_args__ = (ForeignKeyConstraint(["tender_id", "seen"], ["tenders.id", "tenders.version"]),)
            tender_id: int
            seen: int

    with pytest.raises(TypeError, match=r"parent_id: .*'folders'"):

        class Folder(TenantEntity, table=True):
            __tablename__ = "folders"
            parent_id: int | None = Field(default=None, foreign_key="folders.id")

    with pytest.raises(TypeError, match=r"tender_id: .*tenant_key"):

        class Global(Entity, table=True):
            __tablename__ = "globals"
            tender_id: int = Field(foreign_key="tenders.id")


def test_a_plain_foreign_key_to_a_table_that_is_made_later_is_refused_then() -> None:
    class Crate(TenantEntity, table=True):
        __tablename__ = "crates"
        bottle_id: int = Field(foreign_key="bottles.id")

    with pytest.raises(TypeError, match=r"crates\.bottle_id: .*tenant_key"):

        class Bottle(TenantEntity, table=True):
            __tablename__ = "bottles"

    assert "crates" in DomainModel.metadata.tables
    assert "bottles" not in DomainModel.metadata.tables


def test_a_tenant_key_joins_two_tenant_tables() -> None:
    class Currency(Entity, table=True):
        __tablename__ = "currencies"
        code: str

    targets: list[Any] = [Currency, Organization, TenderContent]
    for target in targets:
        with pytest.raises(TypeError, match="tenant_key joins two tenant tables; derive both from TenantEntity"):

            class Rate(TenantEntity, table=True):
                __tablename__ = "rates"
                currency_id: int = tenant_key(target)

    with pytest.raises(TypeError, match="tenant_key joins two tenant tables"):

        class Rating(Entity, table=True):
            __tablename__ = "ratings"
            tender_id: int = tenant_key(Tender)


def test_a_plain_foreign_key_to_a_table_without_organizations_is_fine() -> None:
    class Currency(Entity, table=True):
        __tablename__ = "currencies"
        code: str

    class Price(TenantEntity, table=True):
        __tablename__ = "prices"
        currency_id: int = Field(foreign_key="currencies.id")
        owner_id: int = Field(foreign_key="organizations.id")

    assert keys(Price) == {OWN, ("currency_id>currencies.id",), ("owner_id>organizations.id",)}
