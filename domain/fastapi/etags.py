"""A row's version as an ETag: in an answer, and as the condition of a change."""

import re
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Header, HTTPException, Response

from ..organizations.model import INT32_MAX

_VERSION = re.compile(r'^(?:W/)?"([1-9][0-9]{0,9})"$')


class Versioned(Protocol):
    """A row, or a schema of it that shows the version."""

    @property
    def version(self) -> int: ...


VersionedT = TypeVar("VersionedT", bound=Versioned)


def with_etag(response: Response, row: VersionedT) -> VersionedT:
    """Set the ETag of the response to the row's version; returns the row::

    @app.get("/tenders/{tender_id}", response_model=TenderPublic)
    def read_tender(tender_id: int, tenant: Tenant, response: Response) -> Tender:
        with tenant.session() as session:
            return with_etag(response, TenderRepository(session).require(tender_id))
    """
    # Weak: an answer may show more than the row, or less.
    response.headers["ETag"] = f'W/"{row.version}"'
    return row


async def if_match(
    etag: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The ETag of the row that was read.",
            json_schema_extra={"pattern": _VERSION.pattern, "examples": ['W/"1"']},
        ),
    ] = None,
) -> int:
    """The version that the header If-Match names, as ``W/"3"`` or ``"3"``.

    Raises:
        HTTPException: 428 where it is missing or ``*``, 412 where it is no ETag of a row.
    """
    if etag is None or etag.strip() == "*":
        raise HTTPException(428, "send If-Match with the ETag of the row that was read")
    found = _VERSION.fullmatch(etag.strip())
    if found is None or int(found[1]) > INT32_MAX:  # the column's most
        raise HTTPException(412, 'If-Match is no ETag of a row: one looks like W/"3"')
    return int(found[1])


IfMatch = Annotated[int, Depends(if_match)]
"""For ``expected_version``: the version that the client has read."""
