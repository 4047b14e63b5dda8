"""The filter and the orders of a list of tenders, as an API takes them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import Mapped
from sqlmodel import col

from ..errors import ArgumentError
from ..kit.model.fields import Amount, Text, UtcDatetime, relationship_of
from ..kit.model.searching import HasWords, words_of
from ..kit.repository.filters import Filter, Matches
from .model import CurrencyCode, Tender, TenderStatus

MAX_WORDS = 20
MAX_TEXT = 1000


class TenderOrder(StrEnum):
    """Orders of tenders, for ``order_by``; those without a value come last."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    DEADLINE = "deadline"
    LATEST_DEADLINE = "-deadline"
    HIGHEST_VALUE = "-estimated_value"
    LOWEST_VALUE = "estimated_value"


def has_words(text: str) -> ColumnElement[bool]:
    """Every word of ``text`` begins a word of title, description, buyer or place, case and accents aside.

    Raises:
        ArgumentError: more than 20 words, or 1000 characters.
    """
    if len(text) > MAX_TEXT:
        raise ArgumentError(f"search takes at most {MAX_TEXT} characters, not {len(text)}")
    words = words_of(text)
    if len(words) > MAX_WORDS:
        raise ArgumentError(f"search takes at most {MAX_WORDS} words, not {len(words)}")
    return HasWords(Tender, words) if words else true()


class TenderFilter(Filter):
    """Tenders that meet every condition that is given; also an API's query parameters."""

    status: Annotated[list[TenderStatus], Matches(lambda given: col(Tender.status).in_(given))] = Field(default=[])
    """One of these."""
    source: Annotated[Text | None, Matches(lambda given: col(Tender.source) == given)] = None
    """The place it was found."""
    currency: Annotated[CurrencyCode | None, Matches(lambda given: col(Tender.currency) == given)] = None
    """ISO 4217 code of the value."""
    category: Annotated[Text | None, Matches(lambda given: col(Tender.categories).contains([given]))] = None
    """One of its classification codes."""
    buyer: Annotated[Text | None, Matches(lambda given: _has(col(Tender.organization_name), given))] = None
    """A part of the buyer's name."""
    location: Annotated[Text | None, Matches(lambda given: _has(col(Tender.location), given))] = None
    """A part of the place."""
    min_value: Annotated[Amount | None, Matches(lambda given: col(Tender.estimated_value) >= given)] = Field(
        default=None, ge=0
    )
    """The least value, in its currency."""
    max_value: Annotated[Amount | None, Matches(lambda given: col(Tender.estimated_value) <= given)] = Field(
        default=None, ge=0
    )
    """The largest value, in its currency."""
    deadline_from: Annotated[UtcDatetime | None, Matches(lambda given: col(Tender.deadline) >= given)] = None
    """Bids are due then, or later."""
    deadline_before: Annotated[UtcDatetime | None, Matches(lambda given: col(Tender.deadline) < given)] = None
    """Bids are due before then."""
    published_from: Annotated[UtcDatetime | None, Matches(lambda given: col(Tender.published_at) >= given)] = None
    """Published then, or later."""
    published_before: Annotated[UtcDatetime | None, Matches(lambda given: col(Tender.published_at) < given)] = None
    """Published before then."""
    has_analysis: Annotated[bool | None, Matches(lambda given: _analysed() if given else ~_analysed())] = None
    """With an analysis, or without."""
    min_score: Annotated[float | None, Matches(lambda given: _scored(given))] = Field(default=None, ge=0, le=10)
    """The least overall score of its analysis."""
    text: Annotated[Text | None, Matches(has_words)] = Field(default=None, max_length=1000)
    """Words, each beginning one of title, description, buyer or place."""


def _has(column: Mapped[str | None], part: str) -> ColumnElement[bool]:
    return column.icontains(part, autoescape=True)


def _analysed() -> ColumnElement[bool]:
    return relationship_of(Tender, "analysis").has()


def _scored(least: float) -> ColumnElement[bool]:
    analysis = relationship_of(Tender, "analysis")
    return analysis.has(analysis.property.mapper.columns.overall_score >= least)
