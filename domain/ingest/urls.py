"""Links that are safe to show."""

import re

from pydantic import JsonValue

from ..models import TenderContent
from ..models.lengths import max_length
from .text import line

_LIMIT = max_length(TenderContent, "url")
# Anything else (javascript:, file:, a bare host name) is no link to follow.
_WEB_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)


def web_url(value: JsonValue) -> str | None:
    """An http or https URL of at most 1000 characters, its blanks escaped; else None."""
    if not isinstance(value, str):
        return None
    url = line(value).replace(" ", "%20")
    return url if len(url) <= _LIMIT and _WEB_URL.fullmatch(url) else None
