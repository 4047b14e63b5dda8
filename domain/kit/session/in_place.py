"""Changes inside JSON values that nothing tells of: found when a session flushes, by what they were read as.

Lists and dicts of plain values tell their row themselves (``types.TrackedList``); what lies deeper, and models, do not.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Mapper, Session, class_mapper, object_session
from sqlalchemy.orm.attributes import flag_modified

from ..model import DomainModel
from ..model.types import JSONOf

_HELD = "domain_json_as_read"  # in Session.info: rows by id(), which stay as long as the session, and their JSON


def flag_changed(session: Session) -> None:
    """Have the next flush write what changed in place."""
    for row, seen in session.info.get(_HELD, {}).values():
        for name, dumped in _dumped(row):
            if seen.get(name, dumped) != dumped:
                flag_modified(row, name)
            seen[name] = dumped


@event.listens_for(DomainModel, "instrument_class", propagate=True)
def _watch(mapper: Mapper[Any], model: type[Any]) -> None:
    if any(_is_deep(column.type) for column in mapper.local_table.c):
        event.listen(model, "load", _note)
        event.listen(model, "refresh", _note)


def _note(row: Any, _context: object, _names: object = None) -> None:
    session = object_session(row)
    if session is not None:
        session.info.setdefault(_HELD, {})[id(row)] = row, dict(_dumped(row))


def note_written(session: Session, row: object) -> None:
    """Remember what a new row was written with."""
    if next(_dumped(row), None) is not None:
        session.info.setdefault(_HELD, {})[id(row)] = row, dict(_dumped(row))


def _dumped(row: object) -> Iterator[tuple[str, bytes]]:
    held: dict[str, Any] = vars(row)
    table: Any = class_mapper(type(row)).local_table
    for column in table.c:
        if column.key in held and _is_deep(column.type):
            kind: Any = column.type
            yield column.key, kind.dumped(held[column.key])


def _is_deep(kind: object) -> bool:
    return isinstance(kind, JSONOf) and kind.is_deep
