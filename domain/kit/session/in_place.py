"""Changes inside JSON values, which raise no event: a flush finds them by comparing with what was read.

Lists and dicts of plain values tell their row themselves (``types.TrackedList``); what lies deeper, and models, do not.
"""

from collections.abc import Hashable, Iterator
from functools import cache
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.orm import Mapper, Session, class_mapper, object_session
from sqlalchemy.orm.attributes import flag_modified

from ..model import DomainModel
from ..model.types import JSONOf

_HELD = "domain_json_as_read"  # in Session.info: rows and their JSON, by id() of the row; kept as long as the session


def flag_changed(session: Session) -> None:
    """Have the next flush write what changed in place."""
    for row, seen in session.info.get(_HELD, {}).values():
        for name, dumped in _dumped(row):
            if seen.get(name, dumped) != dumped:
                flag_modified(row, name)
            seen[name] = dumped


def note_json(session: Session, row: Any) -> None:
    """Remember the JSON that a row was read or written with."""
    if _deep_columns(cast(Hashable, type(row))):
        session.info.setdefault(_HELD, {})[id(row)] = row, dict(_dumped(row))


@event.listens_for(DomainModel, "instrument_class", propagate=True)
def _watch(mapper: Mapper[Any], model: type[Any]) -> None:
    if any(_is_deep(column.type) for column in mapper.local_table.c):
        event.listen(model, "load", _note_read)
        event.listen(model, "refresh", _note_read)


def _note_read(row: Any, _context: object, _names: object = None) -> None:
    if (session := object_session(row)) is not None:
        note_json(session, row)


def _dumped(row: object) -> Iterator[tuple[str, bytes]]:
    held: dict[str, Any] = vars(row)
    return ((name, kind.dumped(held[name])) for name, kind in _deep_columns(cast(Hashable, type(row))) if name in held)


@cache
def _deep_columns(model: Hashable) -> tuple[tuple[str, JSONOf[Any]], ...]:
    """The attributes whose values can change inside, with their types; asked for every row that is inserted."""
    pairs: list[tuple[str, Any]] = [
        (attr.key, attr.columns[0].type) for attr in class_mapper(cast(Any, model)).column_attrs
    ]
    return tuple((name, kind) for name, kind in pairs if _is_deep(kind))


def _is_deep(kind: object) -> bool:
    return isinstance(kind, JSONOf) and kind.is_deep
