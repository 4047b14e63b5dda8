"""Objects that a rollback expired: they could not be read once their session is closed."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import inspect, tuple_
from sqlmodel import Session, select

from ..model import DomainModel
from .options import INCLUDE_DELETED

_ROWS = 400  # each is two parameters, of which an older SQLite takes 999


def load_expired(session: Session) -> None:
    """Read them again while the session is open; a query for each model, and for so many rows."""
    expired: defaultdict[type[DomainModel], list[Sequence[object]]] = defaultdict(list)
    for state in session.identity_map.all_states():
        if state.expired and issubclass(state.class_, DomainModel):
            expired[state.class_].append(state.identity or ())
    if expired:
        session.rollback()  # in case a failed flush has ended the transaction
    for model, identities in expired.items():
        mapper = inspect(model)
        key = [mapper.get_property_by_column(column).class_attribute for column in mapper.primary_key]
        for first in range(0, len(identities), _ROWS):
            found = select(model).where(tuple_(*key).in_(identities[first : first + _ROWS]))
            session.exec(found, execution_options={INCLUDE_DELETED: True}).all()
