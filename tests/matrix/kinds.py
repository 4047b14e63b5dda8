"""What people write in a table class: types and forms, each as its source and two values.

The sources are executed as they stand here, so that the page that is generated from them says what was tried.
"""

# ruff: noqa: F401
# pyright: reportUnusedImport=false
# What is imported and not named below is named by the sources.

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Json,
    JsonValue,
    NaiveDatetime,
    PrivateAttr,
    SecretStr,
    computed_field,
    field_validator,
)
from pydantic.alias_generators import to_pascal
from sqlalchemy import (
    ARRAY,
    Column,
    Computed,
    Index,
    Interval,
    Numeric,
    PickleType,
    String,
    UniqueConstraint,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlmodel import Field

from domain import (
    Amount,
    Cost,
    DomainModel,
    LowerText,
    Money,
    Organization,
    Patch,
    TenantEntity,
    Text,
    UtcDatetime,
    json_list,
    json_model,
    live_unique,
    managed_field,
    value_enum,
)
from domain.models import json_dict


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
NAIVE = MORNING.replace(tzinfo=None)
OSLO = datetime(2025, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=2)))


@dataclass(frozen=True)
class Kind:
    """A field ``value: <annotation> = Field(<options>)``, in a class with ``body``, and what is tried with it."""

    name: str
    annotation: str
    first: Any = None
    second: Any = None
    options: str = ""
    body: str = ""
    rules: str = ""
    """More of the table's arguments."""
    base: str = "TenantEntity"
    called: str = ""
    """The name of the class."""
    change: Callable[[Any], object] | None = None
    """A change in place."""
    bad: Any = None
    """A value that is refused when it is given."""
    said: Any = None
    """``first`` in the audit trail, where the model does not read it from there."""
    holds: Callable[[Any], object] = lambda _row: True
    """What else is true of a row that was read."""
    note: str = ""
    """What the page says of it."""
    refused: str = ""
    """The words of the refusal that say what to write instead."""

    @property
    def title(self) -> str:
        return self.called or f"Matrix{self.name.title().replace('_', '')}"

    @property
    def table(self) -> str:
        return f"matrix_{self.name}"

    @property
    def line(self) -> str:
        """What is written of the field."""
        return self._line("value", self.annotation, self.options)

    @property
    def written(self) -> str:
        """What there is to write; of more than a line the first."""
        own = (
            f"class {self.called}" if self.called else f"class Own({self.base})" if self.base != "TenantEntity" else ""
        )
        rules = f"__table_args__ = ({self.rules},)" if self.rules else ""
        more = self.body.strip().partition("\n")[0]
        return "; ".join(filter(None, [own, self.line, more, rules]))

    def source(self, *, has_maybe: bool = True) -> str:
        """The classes. Without ``has_maybe``: before the table had its second column."""
        body = [f'__tablename__ = "{self.table}"', f'__table_args__ = (live_unique("code"), {self.rules})']
        if has_maybe and not self.refused:
            options = ", ".join(filter(None, ["default=None", self.options]))
            body.append(self._line("maybe", f"{self.annotation} | None", options))
        lines = [
            f"class {self.title}Content(DomainModel):",
            "    code: Text = Field(max_length=40)",
            f"    {self.line}",
            f"class {self.title}({self.title}Content, {self.base}, table=True):",
            *(f"    {line}" for line in [*body, *self.body.splitlines()]),
            f"class {self.title}Patch({self.title}Content, Patch): pass",
        ]
        return "\n".join(lines)

    def _line(self, name: str, annotation: str, options: str) -> str:
        return f"{name}: {annotation}" + (f" = Field({options})" if options else "").replace("{name}", name)


def made(kind: Kind, *, has_maybe: bool = True) -> dict[str, Any]:
    """The classes by their suffix; the table's is empty."""
    found = {**globals(), "__name__": __name__}
    # Below this file's last line: from Python 3.13 on the docstrings of fields are looked up by the line of the class.
    exec("\n" * 10_000 + kind.source(has_maybe=has_maybe), found)  # this module's own
    return {suffix: found[kind.title + suffix] for suffix in ("", "Content", "Patch")}


LOWER = 'lower: str | None = Field(default=None, sa_column_args=[Computed("lower(value)")])'
LONG = "long" * 17 + "er"
VALIDATOR = """
@field_validator("value")
@classmethod
def _shorter(cls, value: str) -> str:
    if len(value) > 20: raise ValueError("too long")
    return value.strip()
"""
COMPUTED_FIELD = """
@computed_field
@property
def loud(self) -> str:
    return self.value.upper()
"""

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
    Kind(
        "decimal",
        "Decimal",
        Decimal("1.5"),
        Decimal("-123456789012.654321"),
        bad=Decimal("0.1234567"),
        note="18 digits, 6 of them decimals; more are refused",
    ),
    Kind(
        "decimal_digits",
        "Decimal",
        Decimal("1.50"),
        Decimal("-99.99"),
        "max_digits=4, decimal_places=2",
        bad=Decimal("1.234"),
        note="more are refused",
    ),
    Kind(
        "amount",
        "Amount",
        Decimal("1.50"),
        Decimal("-99.9999"),
        "sa_type=Money(20, 4)",
        bad=Decimal(10**16),
        note="more decimals are rounded half-even",
    ),
    Kind("amount_alone", "Amount", Decimal("1.50"), Decimal("-99.9999")),
    Kind("cost", "Cost", Decimal("1.50"), Decimal("-99.999999"), "sa_type=Money(14, 6)"),
    Kind(
        "datetime",
        "datetime",
        MORNING,
        OSLO,
        bad=NAIVE,
        note="aware, in UTC; one without an offset is refused",
    ),
    Kind("aware_datetime", "AwareDatetime", MORNING, OSLO, bad=NAIVE),
    Kind("utc_datetime", "UtcDatetime", MORNING, OSLO, bad=NAIVE),
    Kind("date", "date", date(2026, 2, 28), date(1, 1, 1)),
    Kind(
        "time",
        "time",
        time(6, 30, 0, 250000),
        time(0),
        bad=time(6, 30, tzinfo=UTC),
        note="one with an offset is refused",
    ),
    Kind("uuid", "UUID", UUID(int=1), UUID(int=2**128 - 1)),
    Kind("bytes", "bytes", b"\x00\xff", b"", said="\\x00ff"),
    Kind("enum", "Colour", Colour.RED, Colour.BLUE_GREEN, bad="green", note="the member's value, and a CHECK"),
    Kind("str_enum", "Size", Size.SMALL, Size.LARGE),
    Kind("int_enum", "Level", Level.LOW, Level.HIGH),
    Kind("value_enum", "Colour", Colour.RED, Colour.BLUE_GREEN, "sa_type=value_enum(Colour, length=40)"),
    Kind("literal", 'Literal["open", "done"]', "open", "done", bad="lost", note="and a CHECK"),
    Kind(
        "list_str",
        "list[str]",
        ["a", "ä"],
        [],
        change=lambda v: v.append("b"),
        note="checked by pydantic; what changes in place, at whatever depth, is saved",
    ),
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
    Kind(
        "dict_type",
        "dict[str, JsonValue]",
        {"b": 1, "a": [1]},
        {},
        "sa_type=json_dict(JsonValue)",
        change=lambda v: v["a"].append(3),
    ),
    Kind("list_model", "list[Address]", [QUAY], [], change=lambda v: setattr(v[0].street, "name", "x")),
    Kind("dict_model", "dict[str, Address]", {"a": QUAY}, {}, change=lambda v: v["a"].street.numbers.append(2)),
    Kind("model", "Address", QUAY, PIER, change=lambda v: v.street.numbers.append(2)),
    Kind(
        "model_type", "Address", QUAY, PIER, "sa_type=json_model(Address)", change=lambda v: v.street.numbers.append(2)
    ),
    Kind("json_value", "JsonValue", {"a": [1]}, [1, "b"], change=lambda v: v["a"].append(3)),
    Kind("any", "Any", {"a": [1]}, "b", change=lambda v: v["a"].append(3), note="what JSON holds, and nothing else"),
    Kind("annotated", "Annotated[str, Field(max_length=5)]", "ä", "", bad="abcdef"),
    Kind(
        "annotated_decimal",
        "Annotated[Decimal, Field(max_digits=4, decimal_places=2)]",
        Decimal("1.5"),
        Decimal(2),
        bad=Decimal(100),
    ),
    Kind("sa_column", "str", "ä", "", "sa_column=Column(String(20))"),
    Kind("variant", "str", "10.0.0.1", "10.0.0.2", 'sa_type=INET().with_variant(String(40), "sqlite")'),
    Kind("indexed", "str", "ä", "", "index=True"),
    Kind("alias", "str", "ä", "", 'alias="{name}Given"', note="given by the alias or the field's name"),
    Kind("alias_generator", "str", "ä", "", body="model_config = ConfigDict(alias_generator=to_pascal)"),
    Kind(
        "private_attribute",
        "str",
        "ä",
        "",
        body="_seen: list[str] = PrivateAttr(default_factory=list)",
        holds=lambda row: row._seen == [],
    ),
    Kind(
        "computed_field",
        "str",
        "ä",
        "",
        body=COMPUTED_FIELD,
        holds=lambda row: row.model_dump()["loud"] == row.value.upper(),
    ),
    Kind("field_validator", "str", "ä", "", body=VALIDATOR, bad="a" * 21),
    Kind(
        "computed",
        "str",
        "ä",
        "",
        body='size: int | None = Field(default=None, sa_column_args=[Computed("length(value)")])',
        holds=lambda row: row.size == len(row.value),
        note="stored, whatever `persisted` says",
    ),
    Kind(
        "computed_managed",
        "int",
        2,
        3,
        body='size: int | None = managed_field(default=None, sa_column_args=[Computed("value * 2", persisted=True)])',
        holds=lambda row: row.size == row.value * 2,
    ),
    Kind(
        "computed_index",
        "str",
        "A",
        "",
        body=LOWER,
        rules='Index("ix_matrix_lower", "lower")',
        holds=lambda row: row.lower == row.value.lower(),
    ),
    Kind("descending_index", "str", "ä", "", rules='Index("ix_matrix_desc", sa.column("value").desc())'),
    Kind("named_as_ours", "str", "ä", "", called="Tender"),
    Kind("long_class_name", "str", "ä", "", called=LONG.title()),
    Kind("timedelta", "timedelta", refused="write its seconds, as int or float"),
    Kind("naive_datetime", "NaiveDatetime", refused="write datetime"),
    Kind("address", "IPv4Address", refused="write str"),
    Kind("path", "Path", refused="write str"),
    Kind("set", "set[str]", refused="write list[...]"),
    Kind("tuple", "tuple[int, ...]", refused="write list[...]"),
    Kind("json", "Json[list[int]]", refused="write the type of what is in the text, as in list[int]"),
    Kind("int_keys", "dict[int, str]", refused="write dict[str, ...]"),
    Kind("literal_int", "Literal[1, 2]", refused="write an Enum"),
    Kind("union", "int | str", refused="a pydantic model, list or dict for JSON"),
    Kind("secret", "SecretStr", refused="or another sa_type"),
    Kind("half_decimal", "Decimal", options="max_digits=5", refused="write max_digits and decimal_places, both"),
    Kind("numeric", "Decimal", options="sa_type=Numeric(10, 2)", refused="sa_type=Money(20, 4)"),
    Kind(
        "timestamp",
        "datetime",
        options="sa_type=sa.DateTime(timezone=True)",
        refused="write datetime, without an sa_type",
    ),
    Kind("interval", "timedelta", options="sa_type=Interval", refused="write its seconds, as int or float"),
    Kind("json_type", "list[str]", options="sa_type=sa.JSON", refused="leave the sa_type out, or write json_list"),
    Kind(
        "jsonb",
        "dict[str, int]",
        options="sa_column=Column(JSONB)",
        refused="leave the sa_type out, or write json_list",
    ),
    Kind("pickle", "Any", options="sa_type=PickleType", refused="leave the sa_type out, or write json_list"),
    Kind(
        "array", "list[str]", options="sa_type=ARRAY(String)", refused="write list, dict or a pydantic model for JSON"
    ),
    Kind("inet", "str", options="sa_type=INET", refused="with_variant"),
    Kind("native_enum", "Colour", options="sa_type=sa.Enum(Colour)", refused="write value_enum(...)"),
    Kind("renamed", "str", options='sa_column_kwargs={"name": "stored"}', refused="call the field 'stored'"),
    Kind("renamed_column", "str", options='sa_column=Column("stored", String)', refused="call the field 'stored'"),
    Kind("unique", "str", options="unique=True", refused="write live_unique('value')"),
    Kind("unique_constraint", "str", rules='UniqueConstraint("value")', refused="write live_unique('value')"),
    Kind("expression_index", "str", rules='Index("ix_matrix", text("lower(value)"))', refused="index a column"),
    Kind(
        "function_index",
        "str",
        rules='Index("ix_matrix", func.lower(column("value")))',
        refused="index a column",
    ),
    Kind("foreign_key", "int", options='foreign_key="tenders.id"', refused="write value: int = tenant_key(...)"),
    Kind("schema", "str", rules='{"schema": "billing"}', refused="leave 'schema' out"),
    Kind("mapper_arguments", "str", body='__mapper_args__ = {"polymorphic_on": "value"}', refused="leave them out"),
    Kind("derived", "str", base="Organization", refused="derive both from the groups of fields"),
    Kind("long_table", "str", body=f'__tablename__ = "{LONG}"', refused="; shorten"),
    Kind("long_field", "str", body=f"{LONG}: str", refused="; shorten"),
)
WORKING = tuple(kind for kind in KINDS if not kind.refused)
REFUSED = tuple(kind for kind in KINDS if kind.refused)
