"""Rows read straight into a schema: no object of the model, no identity map, no second validation."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from sqlalchemy import Select, inspect
from sqlalchemy.orm import RelationshipDirection, aliased

from ...errors import ArgumentError
from ..model.tables import live_unique_indexes
from ..private import made
from .page import Page
from .statements import Statements

SchemaT = TypeVar("SchemaT", bound=BaseModel)
Read = Callable[[Sequence[Any]], Any]
REMEMBERED = 500  # schemas: an application may make more of them as it runs
# Options of pydantic that neither change nor refuse a value of the model's own type; not those that it may get yet.
_HARMLESS = frozenset(
    "alias_generator arbitrary_types_allowed defer_build extra field_title_generator from_attributes frozen "  # noqa: SIM905  # a name a line would fill the page
    "hide_input_in_errors ignored_types json_encoders json_schema_extra json_schema_mode_override "
    "json_schema_serialization_defaults_required loc_by_alias model_title_generator populate_by_name "
    "protected_namespaces ser_json_bytes ser_json_inf_nan ser_json_temporal ser_json_timedelta serialize_by_alias "
    "title use_attribute_docstrings validate_assignment validate_by_alias validate_by_name".split()
)


class Schema(Generic[SchemaT]):
    """A schema whose fields are columns of the model, or the schema of a related row, which is read by a join.

    Where its fields are the model's own, and nothing else validates them, rows are taken as the database has them.
    """

    def __init__(self, model: type[Any], schema: type[SchemaT]) -> None:
        self._columns: list[Any] = []
        self._joins: list[Any] = []
        self._page = Page[schema]  # type: ignore[valid-type]  # the class is known when this runs
        self.read: Callable[[Sequence[Any]], SchemaT] = self._reader(model, model, schema)

    @property
    def is_flat(self) -> bool:
        """True where all fields are the table's columns: no ORM is needed."""
        return not self._joins

    def rows(self, sql: Statements[Any], *places: Any) -> Select[Any]:
        """Every row's columns, and then ``places``."""
        rows: Select[Any] = sql.every(*self._columns, *places, of_table=self.is_flat)
        for related in self._joins:
            rows = rows.outerjoin(related)
        return rows

    def page(self, page: Page[Any]) -> Page[SchemaT]:
        """The page as one of this schema, which FastAPI serializes as it is."""
        return self._page.model_construct(**vars(page))

    def _reader(self, model: Any, entity: Any, schema: type[SchemaT]) -> Callable[[Sequence[Any]], SchemaT]:
        if inspect(schema, raiseerr=False) is not None:
            raise ArgumentError(f"as_ takes a schema, not the table class {schema.__name__}")
        mapper: Any = inspect(model)
        fields = schema.model_fields
        names = [name for name in fields if name in mapper.columns]
        for name in names:
            if mapper.columns[name].info.get("secret") and not fields[name].exclude:
                raise ArgumentError(f"{schema.__name__}.{name} is secret: read it by the model")
        start, end = len(self._columns), len(self._columns) + len(names)
        is_flat = entity is model and len(names) == len(fields)
        self._columns += [mapper.columns[name] if is_flat else getattr(entity, name) for name in names]
        nested = {name: self._related(model, entity, schema, name) for name in fields if name not in names}
        make = _maker(model, schema, names, nested)

        def read(row: Sequence[Any]) -> SchemaT:
            values = dict(zip(names, row[start:end], strict=True))
            for name, of in nested.items():
                values[name] = of(row)
            return make(values)

        return read

    def _related(self, model: Any, entity: Any, schema: type[BaseModel], name: str) -> Read:
        relation: Any = inspect(model).relationships.get(name)
        of = next((kind for kind in _kinds(schema.model_fields[name]) if _is_schema(kind)), None)
        if relation is None or relation.uselist or of is None:
            said = f"{schema.__name__}.{name} is no column of {model.__name__}, nor a related row's schema"
            raise ArgumentError(said)
        keys = {column.name for column in relation.remote_side}
        unique = (set(index.info["live_unique"]) for index in live_unique_indexes(relation.mapper.local_table))
        if relation.direction is RelationshipDirection.ONETOMANY and not any(names <= keys for names in unique):
            several = f"several {relation.mapper.class_.__name__} may refer to one {model.__name__}"
            raise ArgumentError(
                f"{schema.__name__}.{name}: {several}; a live_unique of the reference says that one does"
            )
        other: Any = aliased(relation.mapper.class_)
        is_live = [~other.is_deleted] if "is_deleted" in relation.mapper.columns else []
        self._joins.append(getattr(entity, name).of_type(other).and_(*is_live))
        at = len(self._columns)
        self._columns.append(other.id)
        read = self._reader(relation.mapper.class_, other, of)
        return lambda row: None if row[at] is None else read(row)


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    return (field.annotation, *get_args(field.annotation))


def _is_schema(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _maker(
    model: type[Any], schema: type[SchemaT], names: Sequence[str], nested: Iterable[str]
) -> Callable[[dict[str, Any]], SchemaT]:
    own: dict[str, FieldInfo] = model.model_fields
    given = schema.model_fields
    is_same = all(
        own[n].annotation == given[n].annotation and all(part in own[n].metadata for part in given[n].metadata)
        for n in names
    )
    may_be_missing = all(type(None) in _kinds(given[name]) for name in nested)
    config = {**schema.model_config}
    set_here = {option for option, value in config.items() if value != model.model_config.get(option)}
    is_same = is_same and may_be_missing and set_here <= _HARMLESS and config.get("extra") != "allow"
    found = schema.__pydantic_decorators__
    validators = found.validators or found.field_validators or found.root_validators or found.model_validators
    if is_same and not validators and not schema.__pydantic_post_init__:
        return lambda values: made(schema, values)
    validate = TypeAdapter(schema).validate_python
    return lambda values: validate(values, from_attributes=True, by_alias=False, by_name=True)


@lru_cache(REMEMBERED)
def _built(model: Any, schema: Any) -> Schema[Any]:
    return Schema(model, schema)


def schema_of(model: type[Any], schema: type[SchemaT]) -> Schema[SchemaT]:
    """The schema's reader. Raises ArgumentError where a field is neither a column nor a related row's schema."""
    return _built(cast(Hashable, model), schema)
