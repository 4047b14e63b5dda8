"""Rows that are read straight into a schema: equal to the model's, related rows in one statement, no object kept."""

import gc
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Optional
from weakref import ref

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from sqlmodel import Field as Column
from sqlmodel import Relationship, col

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    Database,
    DomainModel,
    OrganizationPublic,
    OrganizationRepository,
    Page,
    TenantEntity,
    TenantRepository,
    Tender,
    TenderFilter,
    TenderPublic,
    TenderRepository,
    Text,
    User,
    UserPublic,
    UserRepository,
    tenant_key,
)
from domain.kit.model.fields import relation
from domain.kit.model.types import json_list
from domain.kit.repository.listing import listing
from domain.kit.repository.schemas import REMEMBERED, schema_of
from domain.kit.repository.statements import statements
from domain.testing import build
from tests.support.statements import recorded

Make = Callable[..., Any]


class Score(DomainModel):
    """A part of an analysis."""

    overall_score: float | None
    strengths: list[str]


class Line(DomainModel):
    """A tender in a list, with what is known of it."""

    id: int
    title: str
    estimated_value: Decimal | None
    analysis: Score | None


def test_a_schema_has_what_the_object_has(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender, title="Bridge", estimated_value=Decimal("1.5"), currency="EUR", categories=["4", "5"])
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        wanted = TenderPublic.model_validate(tenders.require(tender.id), from_attributes=True)
        page = tenders.page(as_=TenderPublic, with_total=True)
        found = [tenders.get(tender.id, as_=TenderPublic), *tenders.find(as_=TenderPublic), *page.items]
        found += tenders.search("bridge", as_=TenderPublic)
        assert found == [wanted] * 4
        assert page.total == 1
        assert all(type(row) is TenderPublic for row in found)
        assert [row.model_dump_json() for row in found if row] == [wanted.model_dump_json()] * 4
        assert {row.model_fields_set == wanted.model_fields_set for row in found if row} == {True}
        assert tenders.get(tender.id + 1, as_=TenderPublic) is None
        tenders.soft_delete(tender.id)
        assert tenders.get(tender.id, as_=TenderPublic) is None
        assert tenders.get(tender.id, as_=TenderPublic, include_deleted=True) is not None


def test_no_object_is_made(domain_db: Database, make: Make) -> None:
    make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).find(as_=TenderPublic)
        UserRepository(session).page(as_=UserPublic)
        assert list(session) == []


def test_a_related_row_comes_in_the_same_statement(domain_db: Database, make: Make) -> None:
    rated, plain = make(Tender, title="Rated", estimated_value=Decimal(7)), make(Tender, title="Plain")
    gone = make(Tender, title="Analysis deleted")
    foreign = make(Tender, organization_id=2)
    make(AnalysisResult, organization_id=2, tender_id=foreign.id, overall_score=9)
    with domain_db.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        analyses.add(build(AnalysisResult, tender_id=rated.id, overall_score=8, strengths=["near"]))
        analyses.soft_delete(analyses.add(build(AnalysisResult, tender_id=gone.id)).id)
        with recorded(domain_db.engine) as statements:
            lines = TenderRepository(session).find(as_=Line)
        assert len(statements) == 1
        none: dict[str, Any] = {"estimated_value": None, "analysis": None}
        best = Score(overall_score=8, strengths=["near"])
        assert lines == [
            Line(id=gone.id, title="Analysis deleted", **none),
            Line(id=plain.id, title="Plain", **none),
            Line(id=rated.id, title="Rated", estimated_value=Decimal(7), analysis=best),
        ]
        assert TenderRepository(session).find(TenderFilter(min_score=8), as_=Line) == lines[2:]
        assert TenderRepository(session).get(rated.id, as_=Line) == lines[2]


class Shouted(BaseModel):
    """Of other types than the model's, and with a validator."""

    title: Annotated[str, AfterValidator(str.upper)]
    estimated_value: str | None

    @model_validator(mode="before")
    @classmethod
    def as_text(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Write the value out."""
        return {**values, "estimated_value": str(values["estimated_value"])}


def test_what_is_not_as_the_model_has_it_is_validated(domain_db: Database, make: Make) -> None:
    make(Tender, title="Bridge", estimated_value=Decimal("1.5"))
    with domain_db.get_session(organization_id=1) as session:
        (found,) = TenderRepository(session).find(as_=Shouted)
    assert found.title == "BRIDGE"
    assert Decimal(str(found.estimated_value)) == Decimal("1.5")


class Wrong(BaseModel):
    """With a field that no tender has."""

    title: str
    colour: str = "red"


class Unrelated(BaseModel):
    """With a related row that is no schema."""

    analysis: dict[str, str] | None


@pytest.mark.parametrize(("schema", "field"), [(Wrong, "colour"), (Unrelated, "analysis")])
def test_a_field_that_the_model_has_not_is_refused(domain_db: Database, schema: type[BaseModel], field: str) -> None:
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match=f"{schema.__name__}.{field} is no column of Tender"),
    ):
        TenderRepository(session).find(as_=schema)


def test_organizations_are_read_as_a_schema_too(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        (found,) = OrganizationRepository(session).find(as_=OrganizationPublic)
        assert found == OrganizationPublic.model_validate(
            OrganizationRepository(session).require(1), from_attributes=True
        )


def test_a_page_is_served_as_it_is(domain_db: Database, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make(Tender, title="Bridge")
    app = FastAPI()

    @app.get("/tenders")
    def tenders() -> Page[TenderPublic]:
        with domain_db.get_session(organization_id=1) as session:
            return TenderRepository(session).page(as_=TenderPublic)

    body = TestClient(app).get("/tenders").json()
    assert body["items"][0]["title"] == "Bridge"
    assert "organization_id" not in body["items"][0]
    with domain_db.get_session(organization_id=1) as session:
        assert type(TenderRepository(session).page(as_=TenderPublic)) is Page[TenderPublic]


class Leak(BaseModel):
    """With a secret."""

    email: str
    hashed_password: str


def test_a_secret_is_read_into_no_schema_that_shows_it(domain_db: Database, make: Make) -> None:
    make(User)
    with domain_db.get_session(organization_id=1) as session:
        users = UserRepository(session)
        with pytest.raises(ArgumentError, match=r"Leak\.hashed_password is secret"):
            users.find(as_=Leak)
        kept = create_model("Kept", email=str, hashed_password=(str, Field(exclude=True)))
        assert users.find(as_=kept)[0].model_dump().keys() == {"email"}


def test_a_table_is_no_schema(domain_db: Database) -> None:
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match="as_ takes a schema, not the table class Tender"),
    ):
        TenderRepository(session).find(as_=Tender)


class Slot(BaseModel):
    """A part of a barrel, as the column has it."""

    name: str
    weight: float = 1


class Wharf(TenantEntity, table=True):
    """Of an application's own, with barrels."""

    __tablename__ = "test_depots"
    name: Text
    barrel: Optional["Barrel"] = relation(f"{__name__}.Wharf", f"{__name__}.Barrel", "depot_id")


class Barrel(TenantEntity, table=True):
    """Of an application's own, with a relationship as SQLModel writes it."""

    __tablename__ = "test_barrels"
    label: Text
    slots: list[Slot] = Column(default_factory=list, sa_type=json_list(Slot))
    depot_id: int | None = tenant_key(Wharf, default=None)
    depot: Wharf | None = Relationship(sa_relationship_kwargs={"lazy": "raise", "viewonly": True})


class BarrelRepository(TenantRepository[Barrel]):
    """The barrels of one organization."""

    model = Barrel


class WharfRepository(TenantRepository[Wharf]):
    """The depots of one organization."""

    model = Wharf


class WharfName(BaseModel):
    """A part of a depot."""

    name: str


class BarrelPlace(BaseModel):
    """A barrel, and where it is."""

    label: Text
    depot: WharfName | None


class BarrelAtDepot(BaseModel):
    """A barrel that is at a depot."""

    label: Text
    depot: WharfName


class DepotBarrel(BaseModel):
    """A depot, and one of its barrels."""

    name: str
    barrel: BarrelPlace | None


def test_one_of_several_related_rows_is_refused(domain_db: Database) -> None:
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match="several Barrel may refer to one Wharf"),
    ):
        WharfRepository(session).find(as_=DepotBarrel)


class SlotName(BaseModel):
    """A part of a slot."""

    name: str


class Listed(BaseModel):
    """By other names, and with less of what a JSON column holds."""

    label: Text = Field(alias="slots")
    slots: list[SlotName] = Field(alias="theSlots")


class Loud(BaseModel):
    """Whose configuration changes texts."""

    model_config = ConfigDict(str_to_upper=True)
    label: Text


class Chosen(StrEnum):
    """Of an application's own."""

    ONE = "one"


class Choice(TenantEntity, table=True):
    """Of an application's own, with an enum."""

    __tablename__ = "test_choices"
    chosen: Chosen
    weight: int = 1


CHANGING: list[ConfigDict] = [
    {"use_enum_values": True},
    {"coerce_numbers_to_str": True},
    {"str_max_length": 2},
    {"revalidate_instances": "always"},
    {"strict": True},
    {"extra": "allow"},
]


@pytest.mark.parametrize("config", CHANGING, ids=str)
def test_a_configuration_counts_as_it_does_where_pydantic_validates(config: ConfigDict) -> None:
    schema = create_model("Configured", __config__=config, chosen=Chosen, weight=int)
    values = {"chosen": Chosen.ONE, "weight": 3}
    found, wanted = schema_of(Choice, schema).read(list(values.values())), schema.model_validate(values)
    assert found == wanted
    assert [type(value) for value in vars(found).values()] == [type(value) for value in vars(wanted).values()]


def test_a_configuration_that_changes_no_value_costs_no_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("domain.kit.repository.schemas.TypeAdapter")
    config = ConfigDict(frozen=True, extra="ignore", title="A choice", from_attributes=True)
    schema = create_model("Configured", __config__=config, chosen=Chosen)
    assert schema_of(Choice, schema).read([Chosen.ONE]) == schema(chosen=Chosen.ONE)


def test_a_related_row_that_is_deleted_is_not_there(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        barrels, depots = BarrelRepository(session), WharfRepository(session)
        depot = depots.add(Wharf(name="North"))
        barrel = barrels.add(Barrel(label="a", depot_id=depot.id))
        at_north = BarrelPlace(label="a", depot=WharfName(name="North"))
        assert barrels.get(barrel.id, as_=BarrelPlace) == at_north
        assert barrels.find(col(Barrel.id) > 0, as_=BarrelPlace) == [at_north]
        depots.soft_delete(depot.id)
        nowhere = BarrelPlace(label="a", depot=None)
        for include_deleted in (False, True):
            assert barrels.get(barrel.id, as_=BarrelPlace, include_deleted=include_deleted) == nowhere
            for where in ((), (col(Barrel.id) > 0,)):
                assert barrels.find(*where, as_=BarrelPlace, include_deleted=include_deleted) == [nowhere]
        with pytest.raises(ValidationError, match="depot"):
            barrels.find(as_=BarrelAtDepot)


def test_a_schema_has_names_and_parts_of_its_own(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        barrels = BarrelRepository(session)
        barrels.add(Barrel(label="a", slots=[Slot(name="left")]))
        (found,) = barrels.find(as_=Listed)
        assert (found.label, found.slots) == ("a", [SlotName(name="left")])
        assert barrels.find(as_=Loud)[0].label == "A"


class Less(BaseModel):
    """Asks no more of a tender than its columns have made sure of."""

    organization_id: int
    title: str
    source: Text | None


class More(Less):
    """Asks for more."""

    title: str = Field(min_length=3)


def test_a_row_is_validated_only_where_a_schema_asks_for_more_than_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(schema: type[BaseModel]) -> None:
        raise AssertionError(f"{schema.__name__} is validated")

    monkeypatch.setattr("domain.kit.repository.schemas.TypeAdapter", refuse)
    assert schema_of(Tender, Less).read([1, "A", None]) == Less(organization_id=1, title="A", source=None)
    with pytest.raises(AssertionError, match="More is validated"):
        schema_of(Tender, More)


def test_readers_of_schemas_that_an_application_makes_as_it_runs_are_let_go() -> None:
    def use(number: int) -> ref[object]:
        reader = schema_of(Tender, create_model(f"Made{number}", title=str))
        listing(Tender, statements(Tender, scoped=True), schema=reader)
        return ref(reader)

    first = use(0)
    for number in range(1, REMEMBERED + 1):
        use(number)
    gc.collect()
    assert first() is None
