"""From the releases of one ocid to the content of one tender."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, TypeVar

from ..kit.model.lengths import max_length
from ..tenders.model import TenderContent
from . import paths
from .amounts import amount, currency
from .dates import deadline
from .items import Release
from .order import in_order, published_at
from .text import web_url
from .values import child, first

SOURCE = "ocds"

T = TypeVar("T")


class TenderFields(TypedDict):
    """The fields of ``TenderContent``, valid for it: ``TenderContent.model_validate(merge(releases))``."""

    external_id: str
    source: str
    title: str
    description: str | None
    organization_name: str | None
    deadline: datetime | None
    estimated_value: Decimal | None
    currency: str | None
    url: str | None
    location: str | None
    categories: list[str]
    notice_status: str | None
    published_at: datetime | None


_LONGEST = {name: max_length(TenderContent, name) for name in TenderFields.__annotations__}


def merge(releases: Sequence[Release]) -> TenderFields:
    """One tender from the known releases of one ocid, in whatever order they are given.

    Each path in the releases has the last usable value (see ``in_order``): a later null, blank or unreadable
    value takes nothing away. A field takes the first of its paths that has one. Texts are cut to their
    limits, and a title over 500 characters becomes the description, too, where there is none.

    Reads ``ocid``, ``released_at``, ``content`` and ``package`` of each release, and nothing else.

    Raises:
        ValueError: no release, or releases of several ocids.
    """
    if len({release.ocid for release in releases}) != 1:
        raise ValueError("merge takes the releases of exactly one ocid")
    ordered = in_order(releases)
    external_id = ordered[0].ocid
    full_title = _text(ordered, paths.TITLE) or external_id
    title = full_title[: _LONGEST["title"]].rstrip()
    value, currency_code = _value(ordered)
    return TenderFields(
        external_id=external_id,
        source=SOURCE,
        title=title,
        description=_last(ordered, paths.description) or (full_title if full_title != title else None),
        organization_name=_text(ordered, paths.BUYER, field="organization_name"),
        deadline=_last(ordered, lambda content: deadline(child(content, "tender", "tenderPeriod", "endDate"))),
        estimated_value=value,
        currency=currency_code,
        url=_last(ordered, paths.notice_url) or _package_url(ordered),
        location=_text(ordered, paths.LOCATION, field="location"),
        categories=sorted({code for release in ordered for code in paths.category_codes(release.content)}),
        notice_status=_text(ordered, paths.STATUS, field="notice_status"),
        published_at=published_at(ordered),
    )


def _last(ordered: Sequence[Release], path: Callable[[paths.Content], T | None]) -> T | None:
    for release in reversed(ordered):
        if (value := path(release.content)) is not None:
            return value
    return None


def _text(ordered: Sequence[Release], sources: Sequence[paths.Path], *, field: str | None = None) -> str | None:
    for path in sources:
        if found := _last(ordered, path):
            return found[: _LONGEST[field] if field else None].rstrip()
    return None


def _value(ordered: Sequence[Release]) -> tuple[Decimal | None, str | None]:
    """The last amount, in the currency that was stated with it.

    A release without an amount says nothing about the currency of another's; it only fills in a missing one.
    """
    value: Decimal | None = None
    code: str | None = None
    for release in ordered:
        stated = amount(child(release.content, "tender", "value", "amount"))
        written = child(release.content, "tender", "value", "currency")
        if stated is not None:
            value, code = stated, currency(written) if written else code
        elif value is None or code is None:
            code = currency(written) or code
    return value, None if value is None else code


def _package_url(ordered: Sequence[Release]) -> str | None:
    return first(web_url(release.package.get("uri")) for release in reversed(ordered))
