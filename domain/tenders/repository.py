"""Tenders: finding, searching and the status of their processing."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal, overload

from sqlalchemy.orm import selectinload
from sqlmodel import col, func
from sqlmodel.sql.expression import Select, SelectOfScalar

from ..errors import ArgumentError
from ..kit.model.clock import UtcMonth
from ..kit.model.fields import relationship_of, utcnow
from ..kit.repository import bulk, constructor
from ..kit.repository.bulk import Upserted
from ..kit.repository.bulk_rows import Content
from ..kit.repository.filters import Where, conditions_of
from ..kit.repository.order import OrderBy
from ..kit.repository.page import checked_limit, checked_offset
from ..kit.repository.paging import Listed, newest_with
from ..kit.repository.schemas import SchemaT
from ..kit.repository.statements import KEY
from ..kit.repository.upsert import On
from ..kit.session import own
from .claims import TenderClaims
from .filtering import has_words
from .model import Tender, TenderPatch, TenderProgress, TenderStatus
from .statuses import EXPECTED, NEW, set_status


class TenderRepository(TenderClaims):
    """The tenders of one organization."""

    model = Tender
    patch = TenderPatch

    @constructor(Tender)
    def create(self, entity: Tender) -> Tender:
        """Insert a new tender. Raises DuplicateError where a live one has the external id."""
        return self.add(entity)

    def get_by_id(self, tender_id: int, org_id: int | None = None) -> Tender | None:
        """The live tender with this id, or None."""
        return self.get(tender_id, org_id=org_id)

    def get_by_external_id(self, external_id: str, org_id: int | None = None) -> Tender | None:
        """The live tender with this publisher's id, or None."""
        return newest_with(self._scope, "external_id", external_id, org_id=org_id)

    def list_by_organization(
        self,
        org_id: int | None = None,
        status: TenderStatus | None = None,
        limit: int = 50,
        offset: int = 0,
        *,
        order_by: OrderBy | None = None,
    ) -> Sequence[Tender]:
        """Live tenders, newest first or in another order (see ``find``); of one status, if it is given."""
        listed = Listed(self._scope, **_of_status(status), order_by=order_by, org_id=org_id)
        return listed.slice(limit=limit, offset=offset)

    def list_with_related(
        self, status: TenderStatus | None = None, limit: int = 50, offset: int = 0, org_id: int | None = None
    ) -> Sequence[Tender]:
        """Same as ``list_by_organization``, but loads ``analysis`` and ``bid``: three statements, however many rows."""
        related = (selectinload(relationship_of(Tender, name)) for name in ("analysis", "bid"))
        where = [] if status is None else [col(Tender.status) == status]
        live: SelectOfScalar[Tender] = self._scope.sql.every(Tender).where(self._scope.sql.is_live, *where)
        newest = live.options(*related).order_by(col(Tender.created_at).desc(), col(Tender.id).desc())
        statement = newest.limit(checked_limit(limit)).offset(checked_offset(offset))
        options = {"populate_existing": True}  # an analysis made since the tender was first listed is shown
        return self.session.exec(own(statement), params=self._scope.parameters(org_id), execution_options=options).all()

    def count_by_organization(self, org_id: int | None = None, status: TenderStatus | None = None) -> int:
        """How many live tenders there are; of one status, if it is given."""
        return Listed(self._scope, **_of_status(status), org_id=org_id).count()

    def count_by_status(self, *where: Where, org_id: int | None = None) -> dict[TenderStatus, int]:
        """How many live tenders that meet the conditions each status has, 0 included."""
        counted = {TenderStatus(status): number for status, number in self._counted(col(Tender.status), where, org_id)}
        return {status: counted.get(status, 0) for status in TenderStatus}

    def count_by_month(
        self,
        *where: Where,
        of: Literal["published_at", "deadline", "created_at"] = "published_at",
        org_id: int | None = None,
    ) -> dict[date | None, int]:
        """How many live tenders that meet the conditions each UTC month has: by its first day, None for no time."""
        return dict(self._counted(UtcMonth(getattr(Tender, of)), where, org_id))

    def count_by_currency(self, *where: Where, org_id: int | None = None) -> dict[str | None, int]:
        """How many live tenders that meet the conditions each currency has; None for no value."""
        return dict(self._counted(col(Tender.currency), where, org_id))

    def _counted(self, by: Any, where: Iterable[Where], org_id: int | None) -> Sequence[tuple[Any, int]]:
        counts = self._scope.sql.every(by, func.count()).where(self._scope.sql.is_live, *conditions_of(where))
        statement: Select[Any, int] = counts.group_by(by).order_by(by.nulls_last())
        return self.session.exec(statement, params=self._scope.parameters(org_id)).all()

    @overload
    def search(
        self,
        text: str,
        limit: int = 50,
        offset: int = 0,
        org_id: int | None = None,
        *,
        order_by: OrderBy | None = None,
    ) -> Sequence[Tender]: ...
    @overload
    def search(
        self,
        text: str,
        limit: int = 50,
        offset: int = 0,
        org_id: int | None = None,
        *,
        as_: type[SchemaT],
        order_by: OrderBy | None = None,
    ) -> Sequence[SchemaT]: ...
    def search(
        self,
        text: str,
        limit: int = 50,
        offset: int = 0,
        org_id: int | None = None,
        *,
        as_: type[SchemaT] | None = None,
        order_by: OrderBy | None = None,
    ) -> Sequence[Tender] | Sequence[SchemaT]:
        """Live tenders where each word of ``text`` begins one of title, description, buyer or place; otherwise as
        ``find``.

        Case, accents and what stands between words do not matter; at most 20 words and 1000 characters. A text
        without a word finds all.
        """
        listed = Listed(self._scope, has_words(text), as_=as_, order_by=order_by, org_id=org_id)
        return listed.slice(limit=limit, offset=offset)

    def update_status(
        self,
        tender_id: int,
        status: TenderStatus,
        error_message: str | None = None,
        processing_time: float | None = None,
        *,
        expected: TenderStatus | None = None,
        expected_version: int | None = None,
        org_id: int | None = None,
    ) -> bool:
        """Set the status, whatever it and the version were, unless they are ``expected``; ``processing_time`` in
        seconds.

        False where no such live tender is here, or it is no longer in the ``expected`` status or version: with the
        version that ``claim`` returned, a worker whose lease has lapsed overwrites nothing. Any status but ``error``
        clears error_message, and any but ``processing`` ends a lease.

        Raises:
            ArgumentError: an error_message for another status than ``error``.
            pydantic.ValidationError: a value outside the field's limits.
        """
        progress = TenderProgress(status=status, error_message=error_message, processing_time=processing_time)
        if error_message is not None and progress.status is not TenderStatus.ERROR:
            raise ArgumentError(f"error_message goes with the status error, not {progress.status}")
        organization = self._scope.organization(org_id)
        new: dict[str, object] = {"status": progress.status, "updated_at": utcnow()}
        if progress.status is not TenderStatus.ERROR or error_message is not None:
            new["error_message"] = error_message
        if processing_time is not None:
            new["processing_time"] = progress.processing_time
        seen = {"status": expected, "version": expected_version}
        expects = {name: value for name, value in seen.items() if value is not None}
        statement = set_status(
            self._scope.sql,
            new=frozenset(new),
            expected=frozenset(expects),
            processing=progress.status is TenderStatus.PROCESSING,
        )
        parameters = {NEW.format(name): value for name, value in new.items()}
        parameters |= {EXPECTED.format(name): value for name, value in expects.items()}
        return self._scope.change(statement, organization, **{KEY: tender_id}, **parameters)

    def upsert_many(
        self, rows: Iterable[Content], /, *, source: str | None = None, on: On = None, org_id: int | None = None
    ) -> Upserted:
        """Same as in every repository, by external_id; ``source``, if given, is set on every row."""
        return bulk.upsert_many(self._scope, rows, org_id, None if source is None else {"source": source}, on=on)

    def soft_delete(self, tender_id: int, org_id: int | None = None) -> bool:
        """Delete the tender and what belongs to it, as one deletion. False where there is no such live tender."""
        return super().soft_delete(tender_id, org_id=org_id)


def _of_status(status: TenderStatus | None) -> dict[str, Any]:
    return {} if status is None else {"column": "status", "value": status}
