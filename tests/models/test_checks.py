"""No limit stands in a field alone: each has its CHECK, whatever the model."""

from collections.abc import Iterator

import pytest
from sqlalchemy import CheckConstraint
from sqlmodel import Field

from domain import DomainModel, Entity, Tender, TenderStatus, Text
from domain.kit.model.names import LONGEST, fitted
from domain.kit.model.registry import REGISTRY
from domain.kit.records import SystemAccess
from domain.migrations.trees import domain_tables

LIMITS = {"min_length": "length", "max_length": "length", "ge": "range", "gt": "range", "le": "range", "lt": "range"}


def checks(model: type[DomainModel]) -> dict[str, str]:
    """The SQL of each CHECK, by the name that the database knows it by."""
    rules = (rule for rule in model.__table__.constraints if isinstance(rule, CheckConstraint))
    options = {"literal_binds": True}
    return {str(rule.name): str(rule.sqltext.compile(compile_kwargs=options)) for rule in rules}


def limited_fields() -> Iterator[tuple[type[DomainModel], str, str, list[object]]]:
    """(model, field, kind of limit, the numbers that its CHECK must contain)."""
    for mapper in REGISTRY.mappers:
        model: type[DomainModel] = mapper.class_
        for name, field in model.model_fields.items():
            by_kind: dict[str, list[object]] = {}
            for limit, kind in LIMITS.items():
                numbers = [n for rule in field.metadata if (n := getattr(rule, limit, None)) is not None]
                if numbers:
                    by_kind.setdefault(kind, []).extend(numbers)
            for kind, numbers in by_kind.items():
                yield model, name, kind, numbers


def test_every_limit_of_a_field_has_its_check() -> None:
    limited = list(limited_fields())
    assert len(limited) > 30
    for model, field, kind, numbers in limited:
        rule = checks(model)[fitted(f"ck_{model.__table__.name}_{field}_{kind}")]
        assert all(str(number) in rule for number in numbers), rule


def test_every_enum_has_a_check_over_its_values_and_is_stored_by_value() -> None:
    enums = [column for table in domain_tables() for column in table.c if has_members(column.type)]
    assert {column.name for column in enums} >= {"status", "role", "subscription_tier"}
    for column in enums:
        rule = next(r for r in column.table.constraints if r.name == f"ck_{column.table.name}_{column.name}_values")
        assert isinstance(rule, CheckConstraint)
        values = [str(member.value) for member in getattr(column.type, "enum_class")]  # noqa: B009
        assert values == getattr(column.type, "enums")  # noqa: B009
        assert getattr(column.type, "native_enum") is False  # noqa: B009
    assert "'pending', 'processing', 'filtered_out'" in checks(Tender)["ck_tenders_status_values"]
    assert len(TenderStatus) == 6


def has_members(column_type: object) -> bool:
    return getattr(column_type, "enum_class", None) is not None


def test_every_check_is_named_by_the_convention() -> None:
    for mapper in REGISTRY.mappers:
        names, start = checks(mapper.class_), f"ck_{mapper.class_.__table__.name}_"
        assert all(name.startswith(start[: LONGEST - 9]) for name in names), names


def test_no_foreign_key_cascades() -> None:
    keys = [key for table in DomainModel.metadata.tables.values() for key in table.foreign_key_constraints]
    assert len(keys) >= 8
    assert all(key.ondelete is None and key.onupdate is None for key in keys)


@pytest.mark.usefixtures("throwaway_models")
def test_an_applications_own_field_has_its_check_as_well() -> None:
    class Room(Entity, table=True):
        __tablename__ = "rooms"
        name: Text = Field(min_length=2, max_length=7)
        height: float | None = Field(default=None, gt=0, lt=9)

    assert checks(Room) == {
        "ck_rooms_name_length": "length(rooms.name) >= 2 AND length(rooms.name) <= 7",
        "ck_rooms_height_range": "rooms.height > 0 AND rooms.height < 9",
        "ck_rooms_deleted_by_length": "length(rooms.deleted_by) <= 255",
    }
    assert "ck_system_access_actor_length" in checks(SystemAccess)
