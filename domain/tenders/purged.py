"""External ids of tenders that purge removed: an import does not bring back what a person deleted."""

from typing import Any, ClassVar

from sqlmodel import Field

from ..kit.model.entity import TenantEntity
from ..kit.model.fields import Text, example
from ..kit.model.tables import live_unique


class PurgedTender(TenantEntity, table=True):
    """An external id that was deleted, and is gone for good but for this."""

    __tablename__ = "purged_tenders"
    __table_args__: ClassVar[Any] = (live_unique("external_id"),)
    __audited__: ClassVar[bool] = False

    external_id: Text = Field(
        min_length=1,
        max_length=255,
        description="The publisher's id of the tender that was purged.",
        schema_extra=example("ocds-213czf-000-00001"),
    )
