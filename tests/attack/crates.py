"""An application's own model and repository, for the kit to find; and the models that these tests attack."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from sqlmodel import Field, col, func, select

import domain
from domain import TenantEntity, TenantRepository, Tender, Text, constructor, example, live_unique, tenant_key


class Crate(TenantEntity, table=True):
    """A thing that belongs to a tender."""

    __tablename__ = "test_crates"
    __table_args__: ClassVar[Any] = (live_unique("label"),)
    tender_id: int = tenant_key(Tender)
    label: Text = Field(max_length=60, schema_extra=example("A-1"))
    weight_kg: float = Field(default=1, ge=0)


class CrateRepository(TenantRepository[Crate]):
    """Methods such as an application writes: on ours, and by hand."""

    model = Crate

    @constructor(Crate)
    def create(self, entity: Crate) -> Crate:
        """Insert a crate."""
        return self.add(entity)

    def by_label(self, label: str) -> Crate | None:
        """By hand, without a word about organizations: the guard's work."""
        return self.session.exec(select(Crate).where(col(Crate.label) == label)).one_or_none()

    def total_weight(self, tender_ids: Sequence[int]) -> Decimal:
        """An aggregate, by hand."""
        statement = select(func.sum(Crate.weight_kg)).where(col(Crate.tender_id).in_(tender_ids))
        return Decimal(self.session.exec(statement).one() or 0)

    def titles(self) -> list[str]:
        """A join, by hand."""
        statement = select(Tender.title).join(Crate, col(Crate.tender_id) == col(Tender.id))
        return list(self.session.exec(statement))

    def move(self, crate_id: int, tender_id: int) -> Crate:
        """To another tender."""
        crate = self.require(crate_id)
        crate.tender_id = tender_id
        self.session.flush()
        return crate


MODELS: list[type[TenantEntity]] = [
    *{
        m
        for m in vars(domain).values()
        if isinstance(m, type) and issubclass(m, TenantEntity) and m is not TenantEntity
    },
    Crate,
]
