"""What every contender does: each call is a short transaction of its own, on a connection from a pool."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from ..operations import DEPTH

Content = dict[str, Any]
Facts = tuple[int, int, str]


class Contender(ABC):
    """``url``: the application's login on tables without row level security (ours: with it)."""

    name: ClassVar[str]
    isolated: ClassVar[bool] = False
    audited: ClassVar[bool] = False
    bulk_only: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, url: str) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def cpu(self) -> float:
        """Seconds of the processor that the contender has used."""
        return time.process_time()

    def facts(self, row: Any) -> Facts:
        """Organization, id and title of a row as this contender returns it."""
        return row.organization_id, row.id, row.title

    @abstractmethod
    def get(self, organization_id: int, tender_id: int) -> Any: ...

    @abstractmethod
    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Any]: ...

    @abstractmethod
    def count(self, organization_id: int, status: str) -> int: ...

    @abstractmethod
    def create(self, organization_id: int, content: Content) -> Any:
        """The new row, with its id and what the database filled in."""

    @abstractmethod
    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool: ...

    @abstractmethod
    def soft_delete(self, organization_id: int, tender_id: int) -> bool: ...

    def page_by_offset(self, organization_id: int) -> Sequence[Any]:
        return self.list_newest(organization_id, DEPTH)

    def cursor(self, organization_id: int, depth: int = DEPTH) -> Any:
        """The place after so many rows; made before the clock starts."""
        last = self.list_newest(organization_id, depth - 1)[0]
        return last.created_at, last.id

    @abstractmethod
    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Any]: ...

    @abstractmethod
    def mixed(self, slug: str, content: Content) -> Sequence[Any]:
        """Find the organization, meter its usage, create a tender, list the newest 50: in one transaction."""

    @abstractmethod
    def create_many(self, organization_id: int, rows: list[Content]) -> Any: ...

    @abstractmethod
    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        """Told apart by external_id among the organization's live rows."""
