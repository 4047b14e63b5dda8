"""One file for each contender; the floor comes first."""

from .alchemy import AdvancedAlchemy
from .contender import Contender, Content
from .django_orm import DjangoOrm
from .floor import Floor
from .floor_copy import FloorCopy
from .naive_sqlmodel import NaiveSQLModel
from .ours import Ours, OursAsSchema, OursAudited
from .sqlalchemy_orm import SQLAlchemyOrm

CONTENDERS: tuple[type[Contender], ...] = (
    Floor,
    Ours,
    OursAsSchema,
    OursAudited,
    SQLAlchemyOrm,
    NaiveSQLModel,
    AdvancedAlchemy,
    DjangoOrm,
    FloorCopy,
)

__all__ = ["CONTENDERS", "Contender", "Content"]
