"""Private names of libraries stand in ``domain.kit.private`` alone, and each still does what it is there for."""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, PrivateAttr
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, defer, mapped_column

import domain
from domain.errors import SessionClosedError
from domain.kit import private

COMPILER = {"writing_compiler.py", "opaque.py", "reading_compiler.py"}
FILES = sorted(Path(domain.__file__).parent.rglob("*.py"))
TABLE = Table("pairs", MetaData(), Column("a", Integer), Column("b", Integer), PrimaryKeyConstraint("a", "b"))


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)


class Item(BaseModel):
    _seen: list[int] = PrivateAttr(default_factory=list[int])


class Shown(BaseModel):
    a: int
    b: str


class Listed(private.PlainParents, MutableList[int]):
    pass


def statements() -> None:
    assert [value.value for value in private.values_of(insert(TABLE).values(a=1)).values()] == [1]
    assert private.values_of(insert(TABLE)) is None
    assert private.many_values_of(insert(TABLE).values([{"a": 1}, {"a": 2}]))
    assert not private.many_values_of(insert(TABLE).values(a=1))


def upserts() -> None:
    assert private.conflict_of(insert(TABLE)) is None
    upsert = sqlite.insert(TABLE).on_conflict_do_nothing(index_elements=["a", "b"])
    assert private.conflict_of(upsert).inferred_target_elements == ["a", "b"]


def order() -> None:
    assert private.keeps_the_order(update(TABLE).ordered_values((TABLE.c.a, 1)))
    assert not private.keeps_the_order(update(TABLE).values(a=1))


def unattached() -> None:
    assert private.unattached_of(UniqueConstraint("a", "b")) == ["a", "b"]
    assert private.unattached_of(Index("ix", "a", "b")) == ["a", "b"]


def selected() -> None:
    chosen = insert(TABLE).from_select(["a", "b"], select(TABLE))
    assert private.selected_names_of(chosen) == ["a", "b"]
    assert private.selected_names_of(insert(TABLE)) is None


def options() -> None:
    option = defer(Row.id)
    assert private.options_of(select(Row).options(option)) == (option,)
    assert private.options_of(update(TABLE)) == ()


def annotations() -> None:
    assert private.annotations_of(update(Row).table)["parententity"].entity is Row
    assert "parententity" not in private.annotations_of(TABLE)


def keys() -> None:
    one, other = (private.cache_key_of(select(TABLE).where(TABLE.c.a == value)) for value in (1, 2))
    assert one.key == other.key != private.cache_key_of(select(TABLE)).key


def overflow() -> None:
    pool = create_engine("sqlite:///pool.db", pool_size=2, max_overflow=3).pool
    assert private.max_overflow_of(pool) == private.max_overflow_of(pool.recreate()) == 3


def locking() -> None:
    assert private.is_locking(select(TABLE).with_for_update())
    assert not private.is_locking(select(TABLE))
    assert not private.is_locking(insert(TABLE))


def numbering() -> None:
    assert TABLE.autoincrement_column is None
    private.number_by(TABLE.c.b)
    assert TABLE.autoincrement_column is TABLE.c.b


def session() -> Session:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    return Session(engine)


def failing() -> None:
    with session() as held:
        held.add(Row(id=1))
        held.flush()
        private.fail_as_a_flush(held)
        assert not held.is_active
        held.rollback()
        assert held.get(Row, 1) is None


def putting() -> None:
    with session() as held:
        row = Row(id=1)
        held.execute(insert(Row).values(id=1))
        held.add(row)
        private.put_as_a_flush(held, row.__mapper__.class_manager.state_getter()(row))
        assert held.get(Row, 1) is row
        held.rollback()
        assert held.get(Row, 1) is None


def closing() -> None:
    closed = private.ClosableSession(create_engine("sqlite://"))
    closed.is_closed = True
    for use in (lambda: closed.add(Row()), closed.begin_nested, closed.commit, lambda: closed.execute(select(1))):
        with pytest.raises(SessionClosedError):
            use()


def parents() -> None:
    assert type(vars(private.PlainParents)["_parents"].__get__(Listed([1]), Listed)) is dict


def attributes() -> None:
    item = object.__new__(Item)
    private.init_private_attributes(item, None)
    assert item._seen == []  # pyright: ignore[reportPrivateUsage]  # what is tested


def making() -> None:
    shown = private.made(Shown, {"a": 1, "b": "x"})
    assert shown == Shown(a=1, b="x")
    assert (shown.model_fields_set, shown.model_dump(), shown.model_copy()) == ({"a", "b"}, {"a": 1, "b": "x"}, shown)


USES: dict[Callable[[], None], set[str]] = {
    statements: {"values_of", "many_values_of"},
    upserts: {"conflict_of"},
    order: {"keeps_the_order"},
    unattached: {"unattached_of"},
    selected: {"selected_names_of"},
    options: {"options_of"},
    annotations: {"annotations_of"},
    keys: {"cache_key_of"},
    overflow: {"max_overflow_of"},
    locking: {"is_locking"},
    numbering: {"number_by"},
    failing: {"fail_as_a_flush"},
    putting: {"put_as_a_flush"},
    closing: {"ClosableSession"},
    parents: {"PlainParents"},
    attributes: {"init_private_attributes"},
    making: {"made"},
}


@pytest.mark.parametrize("use", USES)
def test_a_private_name_does_what_it_is_there_for(use: Callable[[], None]) -> None:
    use()


def test_each_is_tried() -> None:
    tree = ast.parse(Path(private.__file__).read_text())
    assert set().union(*USES.values()) == {name for node in tree.body for name in named(node)}


def test_no_other_module_uses_one() -> None:
    """What the linter does not see: names in text, those of ``self``, and modules."""
    trees = {file: ast.parse(file.read_text()) for file in FILES}
    own = {name for tree in trees.values() for name in defined(tree)}
    used = {(file.name, name) for file, tree in trees.items() for name in mentioned(tree) if name not in own}
    assert {file for file, _ in used} >= COMPILER  # it overrides what has no public name
    assert {name for file, name in used if file == "private.py"} >= {"_register_persistent", "_internal"}
    assert {(file, name) for file, name in used if file not in {"private.py", *COMPILER}} == set()


def test_a_private_method_of_a_library_is_overridden_where_there_is_no_other_way() -> None:
    """Beside the compiler: parameters of a statement as it is executed, and how Alembic compares computed columns."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        if module.name != "domain.__main__":
            importlib.import_module(module.name)
    modules = [module for name, module in sys.modules.items() if name.startswith("domain.")]
    classes = {kind for module in modules for kind in vars(module).values() if inspect.isclass(kind)}
    found = {
        f"{kind.__module__.rpartition('.')[2]}.py"
        for kind in classes
        for name, method in vars(kind).items()
        if re.match("_[a-z]", name) and str(getattr(method, "__module__", "")).startswith("domain.")
        if any(hasattr(base, name) and not str(base.__module__).startswith("domain.") for base in kind.__mro__)
    }
    assert found == {"private.py", "reading_compiler.py", "executing.py", "rebuilding.py"}


def named(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom(names=names):
            return [alias.asname for alias in names if alias.asname]
        case _:
            return []


def defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


def mentioned(tree: ast.AST) -> Iterator[str]:
    """Names with one underscore before them: as attributes, modules, and texts that attributes are found by."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module)) if module in sys.stdlib_module_names:
                continue
            case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
                found = [name]
            case ast.Call(args=[_, ast.Constant(value=str(name)), *_]):
                found = [name]
            case ast.ImportFrom(module=module, names=names):
                found = [*(module or "").split("."), *(alias.name for alias in names)]
            case _:
                continue
        yield from (name for name in found if re.fullmatch("_[^_].*", name))
