"""One contender on its database: arguments for its calls, and a table that is the same before every round."""

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from .filling import content
from .operations import DEPTH, Operation
from .server import Server


class Stage:
    """Bulk writes go to the last organization, everything else to the others."""

    def __init__(
        self,
        server: Server,
        database: str,
        kind: Callable[[str], Any],  # a contender, or one over HTTP
        *,
        organizations: int,
        bulk: int = 0,
        depth: int = DEPTH,
    ) -> None:
        self.database = database
        self.contender: Any = kind(server.url(database))
        self.admin = server.admin(database).cursor()
        self.organizations = organizations
        self.bulk = bulk  # rows of one bulk write
        self.depth = depth  # of the page by keyset
        self.bulk_organization = organizations
        self.admin.execute("SELECT max(id) FROM tenders")
        self.last_id: int = self.admin.fetchone()[0]
        self._cursors: dict[int, Any] = {}
        self._numbers = count(1)

    def close(self) -> None:
        self.contender.close()
        self.admin.connection.close()

    def prepare(self, operation: Operation, chance: random.Random) -> list[Callable[[], Any]]:
        """The calls of one round; made from the same random numbers for each contender."""
        return list(self._calls(operation, chance))

    def _calls(self, operation: Operation, chance: random.Random) -> Iterator[Callable[[], Any]]:
        method = getattr(self.contender, operation.name)
        number = next(self._numbers)
        if operation.is_bulk:
            half = self.bulk // 2 if operation.name == "upsert_many" else 0
            rows = [content(n, f"Round {number}") for n in range(self.bulk)]
            if half:
                self._seed(half)
            yield partial(method, self.bulk_organization, rows)
            return
        for call in range(operation.calls):
            organization = chance.randint(1, self.organizations - 1)
            match operation.name:
                case "get" | "soft_delete":
                    yield partial(method, organization, self.tender(organization, chance))
                case "update_status":
                    yield partial(method, organization, self.tender(organization, chance), "rated_low")
                case "list_newest" | "page_by_offset" | "meter":
                    yield partial(method, organization)
                case "count":
                    yield partial(method, organization, "pending")
                case "create":
                    yield partial(method, organization, content(f"{number}-{call}"))
                case "page_by_keyset":
                    organization = (
                        organization % min(20, self.organizations - 1) + 1
                    )  # a cursor costs pages: few, and once
                    if organization not in self._cursors:
                        self._cursors[organization] = self.contender.cursor(organization, self.depth)
                    yield partial(method, organization, self._cursors[organization])
                case "mixed":
                    yield partial(method, f"org-{organization}", content(f"{number}-{call}"))

    def tender(self, organization: int, chance: random.Random) -> int:
        """The id of one of the organization's tenders: filled number by number, in turn for each organization."""
        numbers = self.last_id // self.organizations
        return chance.randrange(numbers) * self.organizations + organization

    def _seed(self, number: int) -> None:
        columns = "organization_id, status, external_id, title, description, categories"
        self.admin.execute(
            f"INSERT INTO tenders ({columns}) SELECT %s, 'pending', 'new-' || n, 'Old', %s, '[]'"
            " FROM generate_series(0, %s) n",
            (self.bulk_organization, content(0)["description"], number - 1),
        )

    def restore(self) -> None:
        """Undo what the calls wrote."""
        self.admin.execute(
            "DELETE FROM tenders WHERE organization_id = ANY(%s) AND id > %s",
            (list(range(1, self.organizations + 1)), self.last_id),
        )
        self.admin.execute(
            "UPDATE tenders SET is_deleted = false, deleted_at = NULL, deletion_id = NULL, version = 1 WHERE is_deleted"
        )

    def clean(self) -> None:
        """Rows that are gone make no later round slower."""
        self.admin.execute("VACUUM (ANALYZE) tenders")
        self.admin.execute("VACUUM organizations")
        self.admin.execute("CHECKPOINT")
