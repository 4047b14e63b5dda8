"""A table class that is refused leaves no trace, whatever it is refused for: a corrected one takes its name at once."""

import ast
import inspect
from types import new_class
from typing import Any

import pytest
from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from domain import DomainModel, Entity, Organization, TenantEntity, Tender, TenderContent, live_unique, tenant_key
from domain.kit.model import refusals
from domain.kit.model.names import LONGEST
from domain.kit.model.registry import REGISTRY
from domain.models import lookup_field

LONG = "ä" * 31 + "bc"  # 33 characters, 64 bytes
WHOLE = "b" * LONGEST


def made(base: type[Entity] = TenantEntity, table: str = "invoices", rules: Any = (), **fields: Any) -> Any:
    annotations = {name: int for name in fields if not name.startswith("__")}
    body = {"__tablename__": table, "__table_args__": rules, "__annotations__": annotations, **fields}
    return new_class("Invoice", (base,), {"table": True}, lambda namespace: namespace.update(body))


REFUSED: dict[str, dict[str, Any]] = {
    "plain key": {"tender_id": Field(foreign_key="tenders.id")},
    "plain key in the arguments": {"rules": (ForeignKeyConstraint(["of"], ["tenders.id"]),), "of": Field()},
    "plain key to itself": {"of": Field(foreign_key="invoices.id")},
    "plain key of no organization": {"base": Entity, "tender_id": Field(foreign_key="tenders.id")},
    "plain key that was there before": {"table": "test_awaited"},
    "key to no table": {"of": tenant_key(TenderContent)},
    "key to a table of no organization": {"of": tenant_key(Organization)},
    "key from a table of no organization": {"base": Entity, "of": tenant_key(Tender)},
    "organization of its own": {"base": Entity, "organization_id": Field()},
    "reference to an organization": {"base": Entity, "partner_id": Field(foreign_key="organizations.id")},
    "long table": {"table": LONG},
    "long column": {LONG: Field()},
    "long index": {"rules": (Index(LONG, "id"), {"info": {}})},
    "empty reference that is required": {"of": tenant_key(Tender, on_delete="set_null")},
    "derived from a table": {"base": Tender},
    "schema of its own": {"rules": ({"schema": "billing"},)},
    "mapper arguments": {"__mapper_args__": {"polymorphic_on": "kind"}},
    "index over an expression": {"rules": (Index("ix", text("lower(of)")),), "of": Field()},
    "unique field": {"of": Field(unique=True)},
    "unique constraint": {"rules": (UniqueConstraint("of"),), "of": Field()},
    "unique index": {"rules": (Index("ux", "organization_id", "of", unique=True),), "of": Field()},
    "look-up by a number": {"of": lookup_field()},
    "long constraint": {"rules": (UniqueConstraint("id", name=LONG),)},
}


def known() -> tuple[set[str], set[object], set[str]]:
    names: Any = REGISTRY._class_registry  # pyright: ignore[reportPrivateUsage]  # where a string finds a class
    return set(DomainModel.metadata.tables), {mapper.class_ for mapper in REGISTRY.mappers}, set(names)


@pytest.fixture(autouse=True)
def awaiting(throwaway_models: None) -> None:
    body = {
        "__tablename__": "test_awaiting",
        "__annotations__": {"of": int},
        "of": Field(foreign_key="test_awaited.id"),
    }
    new_class("Awaiting", (TenantEntity,), {"table": True}, lambda namespace: namespace.update(body))


@pytest.mark.parametrize("wrong", REFUSED.values(), ids=REFUSED)
def test_a_refused_class_leaves_no_trace_and_a_corrected_one_takes_its_place(wrong: dict[str, Any]) -> None:
    before = known()
    with pytest.raises(TypeError) as refused:
        made(**wrong)
    assert refused.tb is not None  # the traceback keeps the class alive: no garbage collector hides the trace
    assert known() == before
    corrected = made(of=tenant_key(Tender), rules=(live_unique("of"), Index(WHOLE, "id")))
    assert corrected(of=3).of == 3
    REGISTRY.configure()


def test_every_refusal_is_tried() -> None:
    lines, first = inspect.getsourcelines(refusals)
    raised = {node.lineno for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.Raise)}
    seen: set[int] = set()
    for wrong in REFUSED.values():
        with pytest.raises(TypeError) as refused:
            made(**wrong)
        last = refused.traceback[-1]
        assert last.path == type(last.path)(refusals.__file__)
        seen.add(last.lineno + 1)
    assert (first, seen) == (0, raised)
