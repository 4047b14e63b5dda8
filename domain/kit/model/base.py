"""``DomainModel``: one SQLModel base whose table classes validate on construction and assignment, not on load."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast, dataclass_transform

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError
from sqlalchemy import Table, inspect
from sqlalchemy.orm import class_mapper
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import Field, SQLModel

from .fields import library_field, lookup_field, managed_field, personal_field, relation, tenant_key
from .managed import managed_fields, managed_reason, refuse_managed
from .registry import REGISTRY, DomainMeta
from .tables import ORGANIZATION_ID

ModelT = TypeVar("ModelT", bound="DomainModel")
MYPY = TYPE_CHECKING_WITH_PYREFLY = False  # each is True to the checker of its name


# The metaclass's declaration once more: of a class of pydantic's, pyrefly reads its base's.
@dataclass_transform(
    kw_only_default=True,
    field_specifiers=(Field, library_field, lookup_field, managed_field, personal_field, relation, tenant_key),
)
class DomainModel(SQLModel, metaclass=DomainMeta, registry=REGISTRY):
    """The base of every table, request, patch and response class.

    Unknown keywords are refused. Errors don't repeat the input, which may be confidential; those of a class
    with secret (``exclude=True``) fields don't carry it at all.
    """

    __tablename__: ClassVar[Any]
    __table__: ClassVar[Table]
    __table_args__: ClassVar[Any] = ()
    __audited__: ClassVar[bool] = True
    """False on a table's class keeps its rows out of the audit trail."""
    __of_organization__: ClassVar[bool] = False
    """True for rows of an organization: ``OwnedByOrganization`` alone sets it."""

    if TYPE_CHECKING:
        # Its fields alone, of their own types: to checkers that know pydantic.
        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)  # type: ignore[assignment]  # SQLModel's has more keys
        if not MYPY and not TYPE_CHECKING_WITH_PYREFLY:
            __new__: ClassVar[Any]  # to ty, SQLModel's would take any keyword in the constructor's place

        def __is_of_row__(self, row: Self, /) -> None: ...  # see FieldGroup

    def __init__(self, **data: Any) -> None:
        if _is_table(type(self)):
            draft = _draft(type(self), data)
            refuse_managed(type(self), draft.model_fields_set)
            self._adopt(draft)
            return
        with _without_secrets(type(self)):
            super().__init__(**data)

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name.startswith("_"):  # no field: above all SQLAlchemy's state, which every loaded row gets
            super().__setattr__(name, value)
            return
        if name not in cls.model_fields or not _is_table(cls):
            if name in cls.__sqlmodel_relationships__ and inspect(cls).relationships[name].viewonly:
                raise AttributeError(f"{cls.__name__}.{name} is read-only: nothing assigned to it would be saved")
            super().__setattr__(name, value)
            return
        current = vars(self)
        state = inspect(self, raiseerr=False)
        if state is None:  # a draft inside one of the model's own validators
            current[name] = value
            return
        moves = name == ORGANIZATION_ID and state.identity is not None and value != current.get(name)
        if moves or name in managed_fields(cls, by_library=True):
            raise AttributeError(f"{cls.__name__}.{name} is read-only: {managed_reason([name])}")
        if name not in current or current[name] is not value:
            value = checked_fields(cls, {name: value}, beside=current)[name]
        set_attribute(self, name, value)
        self.model_fields_set.add(name)

    def __iter__(self) -> Generator[tuple[str, Any]]:
        """Leave out secret fields: people log ``dict(row)``."""
        return (pair for pair in super().__iter__() if not _is_secret(type(self), pair[0]))

    def __repr_args__(self) -> Sequence[tuple[str | None, Any]]:
        return [pair for pair in super().__repr_args__() if not _is_secret(type(self), pair[0])]

    @classmethod
    def model_validate(  # type: ignore[override]  # SQLModel's own signature, which differs from pydantic's
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        from_attributes: bool | None = None,
        context: dict[str, Any] | None = None,
        update: dict[str, Any] | None = None,
    ) -> Self:
        """Build a table class as its constructor does, with no secret in an error; else SQLModel's own."""
        if not _is_table(cls):
            with _without_secrets(cls):
                return super().model_validate(
                    obj, strict=strict, from_attributes=from_attributes, context=context, update=update
                )
        source, update = obj, update or {}
        if isinstance(obj, BaseModel):
            obj = _given(obj)
        elif update and not isinstance(obj, dict):
            fields = cls.model_fields.keys() - managed_fields(cls)
            obj = {name: getattr(obj, name) for name in fields if hasattr(obj, name)}
        data = {**cast(dict[str, Any], obj), **update} if isinstance(obj, dict) else obj
        draft = _draft(cls, data, strict=strict, from_attributes=from_attributes, context=context)
        is_row = isinstance(source, DomainModel) and _is_table(type(source))  # its managed values are the library's
        refuse_managed(cls, update.keys() if is_row else draft.model_fields_set)
        instance: Self = class_mapper(cls).class_manager.new_instance()  # configured, as by a constructor
        instance._adopt(draft)
        return instance

    def sqlmodel_update(self, obj: dict[str, Any] | BaseModel, *, update: dict[str, Any] | None = None) -> Self:
        """Copy from another model only the fields that were set on it; otherwise SQLModel's own."""
        return super().sqlmodel_update(_given(obj) if isinstance(obj, BaseModel) else obj, update=update)

    def __copy__(self) -> Self:
        """Make a new, unsaved row of a row: if two shared SQLAlchemy's state, one would be saved as the other."""
        return type(self).model_validate(self) if _is_table(type(self)) else super().__copy__()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return copy(self) if _is_table(type(self)) else super().__deepcopy__(memo)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Same as pydantic's, but an error about broken JSON repeats no secret."""
        with _without_secrets(cls):
            return super().model_validate_json(json_data, **options)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            _correct(field)
        return schema

    def _adopt(self, draft: Self) -> None:
        for name, value in vars(draft).items():
            set_attribute(self, name, value)
        for slot in ("__pydantic_fields_set__", "__pydantic_private__"):
            object.__setattr__(self, slot, getattr(draft, slot))


DomainModel.model_config["extra"] = "forbid"
DomainModel.model_config["use_attribute_docstrings"] = True  # a field's description, which editors show as well
DomainModel.model_config["hide_input_in_errors"] = True
DomainModel.model_config["validate_by_name"] = True  # rows are given by their fields, whatever aliases clients use
DomainModel.model_config["allow_inf_nan"] = False  # SQLite would store NULL


def _draft(model: type[ModelT], data: Any, **options: Any) -> ModelT:
    draft: ModelT = model.__new__(model)
    with _without_secrets(model):
        model.__pydantic_validator__.validate_python(data, self_instance=draft, **options)
    return draft


def checked_row(model: type[DomainModel], data: dict[str, object]) -> dict[str, object]:
    """The fields and defaults of a row, without the object. Raises pydantic's ValidationError."""
    return dict(vars(_draft(model, data)))


def checked_fields(
    model: type[DomainModel], data: dict[str, object], *, beside: dict[str, object] | None = None
) -> dict[str, object]:
    """The given fields, each checked ``beside`` the values of the others. Raises pydantic's ValidationError."""
    draft: DomainModel = model.__new__(model)
    vars(draft).update({name: value for name, value in (beside or {}).items() if name in model.model_fields})
    with _without_secrets(model):
        for name, value in data.items():
            model.__pydantic_validator__.validate_assignment(draft, name, value)
    return {name: vars(draft)[name] for name in data}


def _is_table(cls: type[DomainModel]) -> bool:
    return bool(cls.model_config.get("table"))


def _is_secret(cls: type[DomainModel], name: str | None) -> bool:
    field = cls.model_fields.get(name or "")
    return field is not None and bool(field.exclude)


def _correct(field: dict[str, Any]) -> None:
    """Mend pydantic's schema: ``ge`` is JSON schema's ``minimum``, and a null default that the field refuses goes."""
    options: list[dict[str, Any]] = [field, *field.get("anyOf", ())]
    for option in options:
        if "ge" in option:
            option["minimum"] = option.pop("ge")
    if {"type": "null"} not in options and field.get("default", ...) is None:
        del field["default"]


def _given(model: BaseModel) -> dict[str, Any]:
    """The fields that were set; of a row, all but those that are None by default."""
    cls = type(model)
    if not issubclass(cls, DomainModel) or not _is_table(cls):
        return {name: getattr(model, name) for name in model.model_fields_set}
    fields = ((name, getattr(model, name), field.default) for name, field in cls.model_fields.items())
    return {name: value for name, value, default in fields if value is not None or default is not None}


@contextmanager
def _without_secrets(cls: type[DomainModel]) -> Generator[None]:
    """Take the given values out of validation errors of a class with secret fields."""
    try:
        yield
    except ValidationError as error:
        if not any(field.exclude for field in cls.model_fields.values()):
            raise
        lines: list[InitErrorDetails] = []
        for line in error.errors(include_url=False, include_context=False, include_input=False):
            reason = PydanticCustomError(line["type"], line["msg"])  # pyright: ignore[reportArgumentType]  # pydantic's own
            lines.append(InitErrorDetails(type=reason, loc=line["loc"], input="hidden"))
        raise ValidationError.from_exception_data(error.title, lines, hide_input=True) from None
