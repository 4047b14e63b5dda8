"""Search: the condition that a tender has every word of a text."""

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col

from ..errors import ArgumentError
from .model import Tender

MAX_WORDS = 20
MAX_TEXT = 1000


def has_words(text: str) -> ColumnElement[bool]:
    """Every word stands in title, description, buyer or place.

    Raises:
        ArgumentError: more than 20 words, or 1000 characters.
    """
    words = text.split()
    if len(words) > MAX_WORDS:
        raise ArgumentError(f"search takes at most {MAX_WORDS} words, not {len(words)}")
    if len(text) > MAX_TEXT:
        raise ArgumentError(f"search takes at most {MAX_TEXT} characters, not {len(text)}")
    columns = (col(Tender.title), col(Tender.description), col(Tender.organization_name), col(Tender.location))
    return and_(True, *(or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in words))
