"""Search: the condition that a tender has every word of a text."""

from sqlalchemy import ColumnElement, true

from ..errors import ArgumentError
from ..kit.model.searching import HasWords, words_of
from .model import Tender

MAX_WORDS = 20
MAX_TEXT = 1000


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
