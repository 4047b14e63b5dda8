"""What people write in a table class: types and forms, each as its source and two values.

The sources are executed as they stand here, so that the page that is generated from them says what was tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import (
    AwareDatetime,
    BaseModel,
    Json,
    JsonValue,
    NaiveDatetime,
    PrivateAttr,
    computed_field,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from sqlalchemy import ARRAY, Computed, Index, Interval, LargeBinary, Numeric, PickleType, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlmodel import Field

from domain import (
    Amount,
    Cost,
    DomainModel,
    LowerText,
    Money,
    Patch,
    TenantEntity,
    Tender,
    Text,
    UtcDatetime,
    json_dict,
    json_list,
    json_model,
    live_unique,
    managed_field,
    personal_field,
    tenant_key,
    value_enum,
)


class Colour(Enum):
    RED = "red"
    BLUE_GREEN = "blue green"


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


class Level(IntEnum):
    LOW = 1
    HIGH = 20


class Street(BaseModel):
    name: str
    numbers: list[int] = []


class Address(BaseModel):
    street: Street
    since: date = date(2026, 1, 1)


QUAY, PIER = Address(street=Street(name="Quay", numbers=[1])), Address(street=Street(name="Pier"))
MORNING = datetime(2026, 5, 1, 6, 30, 0, 250000, tzinfo=UTC)
OSLO = datetime(2025, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=2)))


@dataclass(frozen=True)
class Kind:
    """A field ``value: <annotation> = Field(<options>)``, in a class with ``body``, and what is tried with it."""

    name: str
    annotation: str
    first: Any
    second: Any
    options: str = ""
    body: str = ""
    change: Callable[[Any], object] | None = None
    """A change in place."""
    bad: Any = None
    """A value that is refused when it is given."""
    said: Any = None
    """``first`` as the audit trail says it, where that is not as pydantic says it."""
    holds: Callable[[Any], object] = lambda _row: True
    """What else is true of a row that was read."""
    called: str = ""
    """The name of the class."""

    @property
    def title(self) -> str:
        return self.called or f"Matrix{self.name.title().replace('_', '')}"

    @property
    def table(self) -> str:
        return f"matrix_{self.name}"

    @property
    def line(self) -> str:
        """What is written."""
        return f"value: {self.annotation}" + (f" = Field({self.options})" if self.options else "")

    def source(self, *, has_maybe: bool = True) -> str:
        """The classes; before its table ``has_maybe`` it can have rows."""
        body = [f'__tablename__ = "{self.table}"', '__table_args__ = (live_unique("code"),)']
        if has_maybe:
            body.append(f"maybe: {self.annotation} | None = Field(default=None, {self.options})")
        lines = [
            f"class {self.title}Content(DomainModel):",
            "    code: Text = Field(max_length=40)",
            f"    {self.line}",
            f"class {self.title}({self.title}Content, TenantEntity, table=True):",
            *(f"    {line}" for line in [*body, *self.body.splitlines()]),
            f"class {self.title}Patch({self.title}Content, Patch): pass",
        ]
        return "\n".join(lines)


def made(kind: Kind, *, has_maybe: bool = True) -> dict[str, Any]:
    """The classes, by name."""
    found = {**globals(), "__name__": __name__}
    exec(kind.source(has_maybe=has_maybe), found)
    return {name[len(kind.title):]: found[name] for name in (kind.title, f"{kind.title}Content", f"{kind.title}Patch")}


KINDS = (
    Kind("str", "str", "ä", "%s \\ ' \" :x"),
    Kind("str_limited", "str", "abc", "", "max_length=5", bad="abcdef"),
    Kind("text", "Text", "ä", "", bad="a\x00b"),
    Kind("lower_text", "LowerText", "ä", "b"),
    Kind("str_type", "str", "ä", "b", "sa_type=String(20)"),
    Kind("str_column", "str", "ä", "b", "sa_type=sa.Text"),
    Kind("int", "int", 7, -(2**31), bad="x"),
    Kind("int_limited", "int", 7, 0, "ge=0, le=9", bad=10),
    Kind("big_int", "int", 2**40, -(2**62), "sa_type=sa.BigInteger"),
    Kind("small_int", "int", 2**14, -1, "sa_type=sa.SmallInteger"),
    Kind("bool", "bool", True, False),
    Kind("float", "float", 0.1, -1e300, bad=float("nan")),
    Kind("decimal", "Decimal", Decimal("1.5"), Decimal("-123456789012.654321"), bad=Decimal("0.1234567")),
    Kind("decimal_digits", "Decimal", Decimal("1.50"), Decimal("-99.99"), "max_digits=4, decimal_places=2", bad=Decimal("1.234")),
    Kind("amount", "Amount", Decimal("1.50"), Decimal("-99.9999"), "sa_type=Money(20, 4)", bad=Decimal(10**16)),
    Kind("amount_alone", "Amount", Decimal("1.50"), Decimal("-99.9999")),
    Kind("cost", "Cost", Decimal("1.50"), Decimal("-99.999999"), "sa_type=Money(14, 6)"),
    Kind("datetime", "datetime", MORNING, OSLO, bad=datetime(2026, 1, 1)),
    Kind("aware_datetime", "AwareDatetime", MORNING, OSLO, bad=datetime(2026, 1, 1)),
    Kind("utc_datetime", "UtcDatetime", MORNING, OSLO, bad=datetime(2026, 1, 1)),
    Kind("datetime_type", "datetime", MORNING, OSLO, "sa_type=sa.DateTime(timezone=True)", bad=datetime(2026, 1, 1)),
    Kind("date", "date", date(2026, 2, 28), date(1, 1, 1)),
    Kind("time", "time", time(6, 30, 0, 250000), time(0), bad=time(6, 30, tzinfo=UTC)),
    Kind("timedelta", "timedelta", timedelta(days=1, seconds=3, microseconds=5), timedelta(days=-1, hours=1)),
    Kind("uuid", "UUID", UUID(int=1), UUID(int=2**128 - 1)),
    Kind("bytes", "bytes", b"\x00\xff", b"", said="\\x00ff"),
    Kind("enum", "Colour", Colour.RED, Colour.BLUE_GREEN, bad="green"),
    Kind("str_enum", "Size", Size.SMALL, Size.LARGE),
    Kind("int_enum", "Level", Level.LOW, Level.HIGH),
    Kind("value_enum", "Colour", Colour.RED, Colour.BLUE_GREEN, "sa_type=value_enum(Colour, length=40)"),
    Kind("literal", 'Literal["open", "done"]', "open", "done", bad="lost"),
    Kind("list_str", "list[str]", ["a", "ä"], [], change=lambda v: v.append("b")),
    Kind("list_text", "list[Text]", ["a", "ä"], [], "sa_type=json_list(Text)", change=lambda v: v.append("b")),
    Kind("list_int", "list[int]", [1, 2], [], change=lambda v: v.append(3)),
    Kind("list_bare", "list", [1, "b"], [], change=lambda v: v.append("b")),
    Kind("list_any", "list[Any]", [1, {"a": [1]}], [], change=lambda v: v[1]["a"].append("b"), bad=[{1}]),
    Kind("list_date", "list[date]", [date(2026, 1, 1)], [], change=lambda v: v.append(date(2026, 2, 1))),
    Kind("list_decimal", "list[Decimal]", [Decimal("1.50")], [], change=lambda v: v.append(Decimal(2))),
    Kind("list_list", "list[list[int]]", [[1], []], [], change=lambda v: v[0].append(2)),
    Kind("dict_int", "dict[str, int]", {"b": 1, "a": 2}, {}, change=lambda v: v.update(c=3)),
    Kind("dict_any", "dict[str, Any]", {"b": [1], "a": None}, {}, change=lambda v: v["b"].append(3), bad={"a": {1}}),
    Kind("dict_bare", "dict", {"b": 1, "a": None}, {}, change=lambda v: v.update(c=3)),
    Kind("dict_type", "dict[str, JsonValue]", {"b": 1, "a": [1]}, {}, "sa_type=json_dict(JsonValue)", change=lambda v: v["a"].append(3)),
    Kind("list_model", "list[Address]", [QUAY], [], change=lambda v: setattr(v[0].street, "name", "x")),
    Kind("dict_model", "dict[str, Address]", {"a": QUAY}, {}, change=lambda v: v["a"].street.numbers.append(2)),
    Kind("model", "Address", QUAY, PIER, change=lambda v: v.street.numbers.append(2)),
    Kind("model_type", "Address", QUAY, PIER, "sa_type=json_model(Address)", change=lambda v: v.street.numbers.append(2)),
    Kind("json_value", "JsonValue", {"a": [1]}, [1, "b"], change=lambda v: v["a"].append(3)),
    Kind("any", "Any", {"a": [1]}, "b", change=lambda v: v["a"].append(3)),
)
