"""The page that a client asks for."""

from typing import Annotated, TypedDict

from fastapi import Depends, Query

from ..kit.repository.page import MAX_LIMIT


class PageQuery(TypedDict):
    """Keywords of a repository's ``page``."""

    after: str | None
    before: str | None
    limit: int
    with_total: bool


async def page_query(
    after: Annotated[str | None, Query(description="The `next_cursor` of the page before.")] = None,
    before: Annotated[str | None, Query(description="The `previous_cursor` of the page behind.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The most rows of the page.")] = 50,
    with_total: Annotated[bool, Query(description="Whether all rows are counted, too.")] = False,
) -> PageQuery:
    """The query parameters of a page."""
    return {"after": after, "before": before, "limit": limit, "with_total": with_total}


PageParams = Annotated[PageQuery, Depends(page_query)]
"""For ``page``: ``TenderRepository(session).page(wanted, as_=TenderPublic, **page)``."""
