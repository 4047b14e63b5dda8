"""Random statements over our models and an application's own, and what three worlds answer to them."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    and_,
    case,
    column,
    delete,
    except_,
    exists,
    func,
    insert,
    intersect,
    literal,
    not_,
    or_,
    select,
    table,
    true,
    union_all,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from domain import (
    AnalysisRepository,
    BidDocument,
    BidDocumentRepository,
    Database,
    DomainError,
    TenantSession,
    Tender,
    TenderRepository,
    User,
    UserRepository,
    including_deleted,
)
from domain.analyses.model import AnalysisResult
from domain.testing import build
from tests.attack.crates import Crate, CrateRepository

WORDS = ("bridge", "road", "tunnel", "Bridge")
TEXTS: dict[type[Any], tuple[str, ...]] = {
    Tender: ("title", "description", "location"),
    AnalysisResult: ("filter_reasoning", "recommendation"),
    User: ("email", "full_name"),
    BidDocument: ("executive_summary", "approach"),
    Crate: ("label",),
}
NUMBERS: dict[type[Any], tuple[str, ...]] = {
    Tender: ("id", "organization_id", "version"),
    AnalysisResult: ("id", "tender_id", "organization_id"),
    User: ("id", "organization_id"),
    BidDocument: ("id", "tender_id"),
    Crate: ("id", "tender_id", "weight_kg", "organization_id"),
}
MODELS = tuple(TEXTS)


class Side(NamedTuple):
    """What a world has besides the live rows of organization 1."""

    deleted: bool
    others: bool


def plant(database: Database, side: Side) -> None:
    """The same live rows in every world, under the same ids; and then the rest."""
    _plant_live(database, 1, 3)
    if side.deleted:
        for tender_id in _plant_live(database, 1, 2, name="gone"):
            with database.get_session(organization_id=1) as session:
                TenderRepository(session).soft_delete(tender_id)
        with database.get_session(organization_id=1) as session:
            for user in UserRepository(session).find(col(User.email).like("gone%")):
                UserRepository(session).soft_delete(user.id)
    if side.others:
        for tender_id in _plant_live(database, 2, 3)[:1]:
            with database.get_session(organization_id=2) as session:
                TenderRepository(session).soft_delete(tender_id)


def _plant_live(database: Database, organization_id: int, number: int, name: str = "user") -> list[int]:
    made: list[int] = []
    with database.get_session(organization_id=organization_id) as session:
        for count in range(number):
            word = WORDS[count]
            email = f"{name}{count}@{organization_id}.example"
            UserRepository(session).add(build(User, email=email, full_name=word))
            tender = TenderRepository(session).create(title=word, description=WORDS[-count], location="Bergen")
            bid = {"executive_summary": word, "approach": WORDS[count - 1]}
            BidDocumentRepository(session).add(build(BidDocument, tender_id=tender.id, **bid))
            fields = {"filter_reasoning": word, "recommendation": "road"}
            AnalysisRepository(session).add(build(AnalysisResult, tender_id=tender.id, **fields))
            CrateRepository(session).add(Crate(tender_id=tender.id, label=f"{word} {name}", weight_kg=count))
            made.append(tender.id)
    return made


class Source(NamedTuple):
    """A FROM, and those of its columns that every world gives the same values."""

    clause: Any
    texts: Sequence[ColumnElement[Any]]
    numbers: Sequence[ColumnElement[Any]]

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        return [*self.texts, *self.numbers]


class Statements:
    """Statements of a seed, each of a number."""

    def __init__(self, seed: int, *, is_postgresql: bool) -> None:
        self._random = Random(seed)
        self._is_postgresql = is_postgresql

    def _one(self, *makes: Callable[[], Any]) -> Any:
        return self._random.choice(makes)()

    def _is(self, chance: float) -> bool:
        return self._random.random() < chance

    def any(self) -> Any:
        """A statement of any kind."""
        return self._random.choices((self.select, self.write), (3, 1))[0]()

    def write(self) -> Any:
        made: Executable = self._one(
            self._insert, self._insert, self._update, self._update, self._delete, self._writing_cte
        )
        return made

    def source(self, depth: int = 2) -> Source:
        """A class, an alias, a table in several spellings, or a SELECT of some kind."""
        model = self._random.choice(MODELS)
        kind = self._random.choice(("class", "alias", "table", "table alias", "light", "subquery", "cte", "lateral"))
        if kind in ("subquery", "cte", "lateral") and depth > 0:
            part = self._plain(depth - 1)
            made: Any = part.cte() if kind == "cte" else part.subquery()
            by_kind = (
                [c for c in made.c if c.type.python_type is str],
                [c for c in made.c if c.type.python_type is not str],
            )
            return Source(made, *by_kind)
        texts, numbers = TEXTS[model], NUMBERS[model]
        if kind == "light":
            light = table(
                model.__tablename__, *(column(name, model.__table__.c[name].type) for name in texts + numbers)
            )
            return self._of(light.alias() if self._is(0.5) else light, texts, numbers)
        if kind == "table":
            return self._of(model.__table__, texts, numbers)
        if kind == "table alias":
            return self._of(model.__table__.alias(), texts, numbers)
        entity: Any = model if kind == "class" else aliased(model)
        return Source(entity, [getattr(entity, name) for name in texts], [getattr(entity, name) for name in numbers])

    @staticmethod
    def _of(made: FromClause, texts: Sequence[str], numbers: Sequence[str]) -> Source:
        return Source(made, [made.c[name] for name in texts], [made.c[name] for name in numbers])

    def text(self, source: Source, depth: int = 1) -> Any:
        """An expression that is a text."""
        if not source.texts:
            return literal(self._random.choice(WORDS))
        column: Any = self._random.choice(source.texts)
        if depth <= 0:
            return column
        return self._one(
            lambda: column,
            lambda: func.lower(column),
            lambda: func.coalesce(column, "none"),
            lambda: column + "!",
            lambda: case((self.condition(source, depth - 1), column), else_="other"),
            lambda: self._scalar(source, lambda other: func.max(self.text(other, 0))),
        )

    def number(self, source: Source, depth: int = 1) -> Any:
        """An expression that is a number."""
        if not source.numbers or depth <= 0:
            return func.length(self.text(source, 0))
        column: Any = self._random.choice(source.numbers)
        return self._one(
            lambda: column,
            lambda: column + 1,
            lambda: func.length(self.text(source, 0)),
            lambda: self._scalar(source, lambda _: func.count()),
            lambda: self._scalar(source, lambda other: func.sum(self.number(other, 0))),
        )

    def _scalar(self, outer: Source, what: Callable[[Source], ColumnElement[Any]]) -> Any:
        inner = self.source(depth=0)
        made = select(what(inner)).select_from(inner.clause)
        if self._is(0.5):
            made = made.where(self._same(outer, inner))
        return made.scalar_subquery()

    def _same(self, one: Source, other: Source) -> Any:
        if one.numbers and other.numbers and self._is(0.6):
            return self._random.choice(one.numbers) == self._random.choice(other.numbers)
        return self.text(one, 0) == self.text(other, 0)

    def condition(self, source: Source, depth: int = 2) -> Any:
        """A condition on a source's rows, and on those of others."""
        text, word = self.text(source, 0), self._random.choice(WORDS)
        if depth <= 0:
            return text == word
        inner = self.source(depth=0)
        return self._one(
            lambda: text == word,
            lambda: text.like("%r%"),
            lambda: text.icontains("R", autoescape=True),
            lambda: func.length(self.text(source)) > 4,
            lambda: self.number(source) > self._random.randrange(6),
            lambda: text.is_not(None),
            lambda: text.in_(select(self.text(inner, 0)).select_from(inner.clause)),
            lambda: exists().where(self._same(source, inner)),
            lambda: ~exists(select(literal(1)).select_from(inner.clause).where(self._same(source, inner))),
            lambda: exists(select(literal(1)).select_from(inner.clause).where(self.condition(inner, depth - 1))),
            lambda: and_(self.condition(source, depth - 1), self.condition(source, depth - 1)),
            lambda: or_(self.condition(source, depth - 1), self.condition(source, depth - 1)),
            lambda: not_(self.condition(source, depth - 1)),
        )

    def _columns(self, source: Source, number: int) -> list[ColumnElement[Any]]:
        kinds = [self.text(source) if self._is(0.5) else self.number(source) for _ in range(number)]
        return [made.label(f"c{place}") for place, made in enumerate(kinds)]

    def _plain(self, depth: int = 1) -> Any:
        source = self.source(depth)
        made = select(*self._columns(source, 2)).select_from(source.clause)
        return made.where(self.condition(source)) if self._is(0.5) else made

    def _joined(self) -> Any:
        left, right = self.source(1), self.source(1)
        both = Source(None, [*left.texts, *right.texts], [*left.numbers, *right.numbers])
        on = self._one(lambda: self._same(left, right), lambda: true(), lambda: self.condition(right, 1))
        how = self._random.choice(({}, {"isouter": True}, {"full": True}))
        if how.get("full"):
            on = self._same(left, right)  # PostgreSQL takes others in no full join
        made = select(*self._columns(both, 3)).select_from(left.clause).join(right.clause, on, **how)
        return made.where(self.condition(both, 1)) if self._is(0.5) else made

    def _product(self) -> Any:
        left, right = self.source(1), self.source(1)
        return select(self.text(left) + " " + func.coalesce(self.text(right, 0), "-"))

    def _grouped(self) -> Any:
        source = self.source(1)
        key: Any = self.text(source, 0)
        made = select(key, func.count(), func.max(self.text(source, 0)), func.count().filter(self.condition(source, 1)))
        made = made.select_from(source.clause).group_by(key)
        return made.having(func.count() > 1) if self._is(0.3) else made

    def _aggregate(self) -> Any:
        source = self.source(1)
        of = self._one(lambda: func.count(), lambda: func.max(self.text(source)), lambda: func.sum(self.number(source)))
        made = select(of).select_from(source.clause)
        return made.where(self.condition(source)) if self._is(0.7) else made

    def _bare(self) -> Any:
        """Where the class stands in an expression alone."""
        source = self.source(0)
        return self._one(
            lambda: select(func.count()).where(self.condition(source)),
            lambda: select(func.max(self.number(source, 0))),
            lambda: select(exists().where(self.condition(source))),
            lambda: select(self._scalar(source, lambda _: func.count())),
        )

    def _window(self) -> Any:
        source = self.source(1)
        by = self.text(source, 0)
        order = [*source.columns]
        number = func.row_number().over(partition_by=by, order_by=order) if order else func.count().over()
        return select(self.text(source), number, func.count().over(partition_by=by)).select_from(source.clause)

    def _compound(self) -> Any:
        how: Any = self._random.choice((union_all, except_, intersect))
        parts: list[Any] = []
        for _ in range(2):
            source = self.source(1)
            parts.append(select(self.text(source, 0)).select_from(source.clause).where(self.condition(source, 1)))
        return how(*parts)

    def _sliced(self) -> Any:
        source = self.source(1)
        every = source.columns
        return select(*every).select_from(source.clause).order_by(*every).limit(2).offset(self._random.randrange(3))

    def _entity(self) -> Any:
        model = self._random.choice(MODELS)
        made = select(model).where(self.condition(Source(model, *self._attributes(model))))
        if self._is_postgresql and self._is(0.3):
            made = made.with_for_update(skip_locked=self._is(0.5), of=model)
        return made

    @staticmethod
    def _attributes(model: type[Any]) -> tuple[list[Any], list[Any]]:
        return [getattr(model, name) for name in TEXTS[model]], [getattr(model, name) for name in NUMBERS[model]]

    def select(self) -> Any:
        made: Executable = self._one(
            self._plain,
            self._joined,
            self._joined,
            self._product,
            self._grouped,
            self._aggregate,
            self._bare,
            self._window,
            self._compound,
            self._sliced,
            self._entity,
        )
        return made

    def _insert(self) -> Any:
        model = self._random.choice((Tender, Crate))
        source = self.source(1)
        title = func.coalesce(self._scalar(source, lambda other: func.max(self.text(other, 0))), "none")
        if model is Tender:
            rows = select(func.coalesce(self.text(source), "x"), self.text(source, 0)).select_from(source.clause)
            if self._is(0.5):
                rows = rows.where(self.condition(source))
            values: dict[str, Any] = {"title": title, "location": self._random.choice(WORDS)}
            return self._one(
                lambda: insert(Tender).from_select(["title", "location"], rows),
                lambda: insert(Tender).values(values),
                lambda: insert(Tender.__table__).values(values | {"organization_id": self._random.choice((1, 2))}),
                lambda: insert(Tender).values([{"title": "one"}, {"title": "two"}]),
            )
        # Of the tenders that there are: a key alone admits a deleted one, which the repositories' locks see to.
        parent = select(func.max(Tender.id)).where(self.condition(Source(Tender, *self._attributes(Tender))))
        tender_id = parent.scalar_subquery()
        return insert(Crate).values(label=title, tender_id=self._one(lambda: tender_id, lambda: 1), weight_kg=2)

    def _target(self) -> tuple[Any, Source]:
        model = self._random.choice((Tender, Crate, BidDocument))
        entity: Any = self._one(lambda: model, lambda: aliased(model), lambda: model.__table__)
        columns: Any = getattr(entity, "c", entity)
        texts = [getattr(columns, name) for name in TEXTS[model]]
        return entity, Source(entity, texts, [getattr(columns, name) for name in NUMBERS[model]])

    def _update(self) -> Any:
        entity, source = self._target()
        name = source.texts[-1].key
        value = self._one(
            lambda: "changed",
            lambda: self._scalar(source, lambda o: func.max(self.text(o, 0))),
            lambda: source.texts[0],
        )
        other = self.source(0)
        where = self._one(
            lambda: self.condition(source),
            lambda: true(),
            lambda: self._same(source, other),
            lambda: source.numbers[0] > 0,
        )
        made = update(entity).where(where).values({name: value})
        return made.execution_options(synchronize_session=False)

    def _delete(self) -> Any:
        entity, source = self._target()
        return delete(entity).where(self.condition(source)).execution_options(synchronize_session=False)

    def _writing_cte(self) -> Any:
        written: Any = self._one(self._update, self._insert)
        if written.select is not None if hasattr(written, "select") and written.is_insert else False:
            return select(func.count()).select_from(Tender)
        part = written.returning(next(c for c in written.table.c if c.key in {"version", "id"} and c.key == "version"))
        return select(func.count()).select_from(part.cte("written"))


class Answer(NamedTuple):
    """What a statement answers: rows, or the kind of error; and the live rows of the organization after it."""

    error: str | None
    rows: list[str]
    after: list[str]


def answers(sessions: Sequence[TenantSession], statement: Any) -> list[Answer]:
    """Of each session; what it wrote is taken back."""
    return [_answer(session, statement) for session in sessions]


def _answer(session: TenantSession, statement: Any) -> Answer:
    rows: list[str] = []
    error = None
    after: list[str] = []
    try:
        result: Any = Session.execute(session, statement)
        if getattr(result, "returns_rows", True):
            rows = sorted(repr([_shown(value) for value in row]) for row in result)
        else:
            rows = [str(result.rowcount)]
        froms: Any = getattr(statement, "get_final_froms", tuple)
        if not statement.is_select or "written" in str(froms()):
            after = _stored(session)
    except (DomainError, SQLAlchemyError) as refused:
        error = type(refused).__name__
    session.rollback()
    session.expunge_all()
    return Answer(error, rows, after)


def _shown(value: Any) -> Any:
    for kind in MODELS:
        if isinstance(value, kind):
            return [getattr(value, name) for name in (*TEXTS[kind], *NUMBERS[kind])]
    return value


def _stored(session: TenantSession) -> list[str]:
    found: list[str] = []
    for model in (Tender, Crate, BidDocument):
        columns = [getattr(model, name) for name in (*TEXTS[model], *NUMBERS[model]) if name != "id"]
        found += sorted(f"{model.__name__} {tuple(row)}" for row in Session.execute(session, select(*columns)))
    return found


@contextmanager
def _opened(databases: Sequence[Database], opened: Callable[[Database], Any]) -> Generator[list[TenantSession]]:
    with ExitStack() as stack:
        yield [stack.enter_context(opened(database)) for database in databases]


def differences(
    worlds: dict[Side, Database], opened: Callable[[Database], Any], *, seeds: Sequence[int]
) -> list[tuple[int, str, list[Answer]]]:
    """The statements that are answered in two ways: what was asked, and by whom it was answered how."""
    found: list[tuple[int, str, list[Answer]]] = []
    is_postgresql = not next(iter(worlds.values())).is_sqlite
    pairs = {
        live: [worlds[Side(deleted=not live, others=False)], worlds[Side(deleted=True, others=True)]]
        for live in (True, False)
    }
    with catch_warnings(), ExitStack() as stack:
        simplefilter("ignore")
        sessions = {live: stack.enter_context(_opened(pair, opened)) for live, pair in pairs.items()}
        for seed in seeds:
            statement: Any = Statements(seed, is_postgresql=is_postgresql).any()
            is_live = seed % 4 != 0
            asked = statement if is_live else including_deleted(statement)
            given = answers(sessions[is_live], asked)
            if given[0] != given[1]:
                found.append((seed, str(statement), given))
    return found
