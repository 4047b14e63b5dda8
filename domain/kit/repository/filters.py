"""Conditions of a caller: SQLAlchemy's, or a filter's fields."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, ColumnExpressionArgument


@dataclass(frozen=True)
class Matches:
    """In the annotation of a filter's field: the condition that its value stands for."""

    condition: Callable[[Any], ColumnElement[bool]]


class Filter(BaseModel):
    """A filter of rows: each field that is given is a condition, and rows meet all of them.

    It is also the query parameters of an API, beside others, which it passes over::

        class InvoiceFilter(Filter):
            number: Annotated[Text | None, Matches(lambda number: col(Invoice.number) == number)] = None
            due_before: Annotated[UtcDatetime | None, Matches(lambda moment: col(Invoice.due) < moment)] = None

        @app.get("/invoices")
        def list_invoices(wanted: Annotated[InvoiceFilter, Query()], tenant: Tenant) -> Page[InvoicePublic]:
            with tenant.session() as session:
                return InvoiceRepository(session).page(wanted, as_=InvoicePublic)
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuse a field that would be passed over."""
        super().__pydantic_init_subclass__(**options)
        for name, field in cls.model_fields.items():
            if not any(isinstance(part, Matches) for part in field.metadata):
                line = f"{name}: Annotated[... | None, Matches(...)] = None"
                raise TypeError(f"{cls.__name__}.{name} is no condition: write {line}")

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions of the fields that are given: not None, and no empty list."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return [
            part.condition(given[name])
            for name, field in type(self).model_fields.items()
            for part in field.metadata
            if isinstance(part, Matches) and given[name] not in (None, [], (), set())
        ]


Where = ColumnExpressionArgument[bool] | bool | Filter


def conditions_of(where: Iterable[Where]) -> list[Any]:
    """The conditions, those of filters written out."""
    return [one for given in where for one in (given.conditions() if isinstance(given, Filter) else [given])]
