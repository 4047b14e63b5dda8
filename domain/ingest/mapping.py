"""From the releases of one ocid to the content of one tender."""

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, TypeVar

from ..kit.model.fields import max_length
from ..tenders.model import TenderContent
from . import paths
from .amounts import currency
from .items import Release
from .order import dating, in_order, published_at, since_the_last_whole
from .text import web_url
from .values import child, first, text

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
    """One tender from the known releases of one ocid, in the order in which they were received.

    What the last compiled release does not state is gone, except for the date of publication. Each path has the last
    usable value (see ``in_order`` and ``_last``): a later blank or unreadable one takes nothing away, a null does. A
    field takes the first of its paths that has one. Texts are cut to their limits, and a title over 500 characters
    becomes the description, too, where there is none.

    Reads ``ocid``, ``released_at``, ``content`` and ``package`` of each release, and nothing else.

    Raises:
        ValueError: no release, or releases of several ocids.
    """
    if len({release.ocid for release in releases}) != 1:
        raise ValueError("merge takes the releases of exactly one ocid")
    ordered = in_order(releases)
    current = since_the_last_whole(ordered)
    external_id = ordered[0].ocid
    full_title = _text(current, paths.TITLE) or external_id
    title = full_title[: _LONGEST["title"]].rstrip()
    value, currency_code = _value(current)
    return TenderFields(
        external_id=external_id,
        source=SOURCE,
        title=title,
        description=_last(current, paths.DESCRIPTION) or (full_title if full_title != title else None),
        organization_name=_text(current, paths.BUYER, field="organization_name"),
        deadline=_last(current, paths.DEADLINE),
        estimated_value=value,
        currency=currency_code,
        url=_last(current, paths.NOTICE_URL) or _package_url(current),
        location=_text(current, paths.LOCATION, field="location"),
        categories=sorted({code for release in current for code in paths.category_codes(release.content)}),
        notice_status=_text(current, [paths.STATUS], field="notice_status"),
        published_at=published_at(ordered, _last(current, paths.PUBLISHED)),
    )


def lasting(releases: Sequence[Release]) -> list[Release]:
    """Those that a later merge may depend on, whatever is received until then; the others never count again."""
    ordered = in_order(releases)
    current = since_the_last_whole(ordered)
    found = [*current[:1], *dating(ordered)]
    found += {key: release for release in current for key in _stated(release)}.values()  # the last of each
    kept = set(map(id, found))
    return [release for release in releases if id(release) in kept]


def _stated(release: Release) -> Iterator[Hashable]:
    """A key for each value that a merge may take from the release, the same for what takes its place."""
    content, call = release.content, _call(release)
    yield from ((position, call) for position, path in enumerate(_PATHS) if path.says(content))
    yield from (("code", code) for code in paths.category_codes(content))
    yield from ["uri"] if release.package.get("uri") else []


def _last(ordered: Sequence[Release], path: paths.Path[T]) -> T | None:
    """The last value that no later null takes away.

    Several calls may share an ocid, each with a ``tender.id`` of its own: a null of one leaves another's value alone.
    """
    nulls: set[str | None] = set()
    for release in reversed(ordered):
        if (value := path.read(release.content)) is not None:
            if not nulls or (None not in nulls and (call := _call(release)) is not None and call not in nulls):
                return value
        elif path.is_null(release.content):
            nulls.add(_call(release))
    return None


def _call(release: Release) -> str | None:
    return text(child(release.content, "tender", "id"))


def _text(ordered: Sequence[Release], sources: Sequence[paths.Path[str]], *, field: str | None = None) -> str | None:
    found = first(_last(ordered, path) for path in sources)
    return found and found[: _LONGEST[field] if field else None].rstrip()


def _value(ordered: Sequence[Release]) -> tuple[Decimal | None, str | None]:
    """The last amount, in the currency that its release states, or in the last one where that states none."""
    stated = _last(ordered, paths.AMOUNT)
    if stated is None:
        return None, None
    value, written = stated
    code = _last(ordered, paths.CURRENCY)
    return value, currency(written) if written and code else code


def _package_url(ordered: Sequence[Release]) -> str | None:
    return first(web_url(release.package.get("uri")) for release in reversed(ordered))


_PATHS: tuple[paths.Path[object], ...] = (
    *paths.TITLE,
    *paths.BUYER,
    *paths.LOCATION,
    paths.DESCRIPTION,
    paths.STATUS,
    paths.DEADLINE,
    paths.AMOUNT,
    paths.CURRENCY,
    paths.NOTICE_URL,
    paths.PUBLISHED,
)
