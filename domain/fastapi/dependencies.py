"""Parts for an application's own dependencies."""

import re
from typing import Annotated
from uuid import uuid4

from fastapi import Depends
from fastapi.requests import HTTPConnection

from ..database import Database
from ..default import get_db

_SANE = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)

CurrentDatabase = Annotated[Database, Depends(get_db)]
"""That of ``init_db``."""


async def request_id(connection: HTTPConnection) -> str:
    """The header X-Request-ID where it is up to 128 letters, digits and ``.:/+=@_-``, else a new id.

    It is kept in ``request.state.request_id``, where a middleware may have set one.
    """
    state = connection.state
    if not hasattr(state, "request_id"):
        given = connection.headers.get("x-request-id", "")
        state.request_id = given if _SANE.fullmatch(given) else uuid4().hex
    found: str = state.request_id
    return found


RequestId = Annotated[str, Depends(request_id)]
"""For ``db.tenant``: the audit trail and the log of errors name it."""
