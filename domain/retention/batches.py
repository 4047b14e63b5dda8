"""Bounded batches, each a short transaction: choose and lock, check the organization, act, commit."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, Delete, Row, Table, Update, select, tuple_

from ..kit.model.tables import ORGANIZATION_ID, of_organization
from ..kit.session import SystemSession, own
from .conditions import Condition
from .schema import ORGANIZATIONS

Act = Callable[[Table, Condition], None]


class Batches:
    """The batches of one run. Rows that others hold locked are skipped: nobody waits, and nobody is held up."""

    def __init__(self, system: SystemSession, *, size: int) -> None:
        self._system = system
        self._size = size

    def all(
        self,
        table: Table,
        act: Act,
        which: Condition,
        *,
        organization: int | None,
        while_organization: Condition | None = None,
        again: bool = False,
    ) -> None:
        """Act on all such rows of an organization that is under no legal hold, and meets ``while_organization``.

        ``again``: until a pass finds none, for acting on some rows can let others join them.
        """
        columns = _key(table)
        key = tuple_(*columns)
        these = of_organization(table, organization)
        rows = select(*columns).where(these, which).order_by(*columns).limit(self._size)

        def batch(after: Row[Any] | None) -> Row[Any] | None:
            """One transaction; the last row's key, or None where there was no row."""
            if organization is not None and not self._holds(organization, while_organization):
                self._system.rollback()
                return None
            following = rows if after is None else rows.where(key > tuple_(*after))
            found = self._system.connection().execute(following.with_for_update(skip_locked=True)).all()
            if found:
                act(table, these & key.in_([tuple(row) for row in found]))
            self._system.commit()
            return found[-1] if found else None

        last = batch(None)
        while last is not None:
            while last is not None:
                last = batch(last)
            if again:
                last = batch(None)

    def _holds(self, organization_id: int, while_organization: Condition | None) -> bool:
        """Lock the organization's row: a legal hold waits for this batch, or this batch for it."""
        this = ORGANIZATIONS.c.id == organization_id
        free = select(ORGANIZATIONS.c.id).where(this, ~ORGANIZATIONS.c.legal_hold)
        if while_organization is not None:
            free = free.where(while_organization)
        return self._system.connection().scalar(free.with_for_update(read=True)) is not None


def execute(system: SystemSession, statement: Delete | Update) -> int:
    """Run what removes or changes rows; how many there were."""
    return system.exec(own(statement)).rowcount


def _key(table: Table) -> list[Column[Any]]:
    """The primary key, within an organization."""
    return [column for column in table.primary_key if column.key != ORGANIZATION_ID] or list(table.primary_key)
