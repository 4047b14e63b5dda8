"""``DomainModel``: one SQLModel base whose table classes validate on construction and assignment, not on load."""

from typing import Any, ClassVar, Self, cast, dataclass_transform

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from sqlalchemy import MetaData, Table
from sqlalchemy.orm import registry
from sqlalchemy.orm.attributes import manager_of_class, set_attribute
from sqlmodel import Field, SQLModel
from sqlmodel.main import FieldInfo, SQLModelMetaclass

from .fields import managed_field, relation, tenant_key
from .policies import emit_with
from .tables import complete_table

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, FieldInfo, managed_field, relation, tenant_key))
class DomainMeta(SQLModelMetaclass):
    """Completes each table from its fields: CHECKs, composite foreign keys, and the refusal of plain ones."""

    def __init__(cls, name: str, bases: tuple[type[Any], ...], class_dict: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, class_dict, **kwargs)
        table: Table | None = cls.__dict__.get("__table__")
        if table is not None:
            complete_table(cls.__name__, table, dict(cls.model_fields))


REGISTRY = registry(metadata=MetaData(naming_convention=NAMING))

emit_with(REGISTRY.metadata)


class DomainModel(SQLModel, metaclass=DomainMeta, registry=REGISTRY):
    """The base of every table, request, patch and response class.

    Unknown keywords are refused. Errors don't repeat the input, which may be confidential; those of a class
    with secret (``exclude=True``) fields don't carry it at all.
    """

    __tablename__: ClassVar[Any]
    __table__: ClassVar[Table]
    __table_args__: ClassVar[Any] = ()

    def __init__(self, **data: Any) -> None:
        if _is_table(type(self)):
            self._adopt(self._draft(data))
        else:
            super().__init__(**data)

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name not in cls.model_fields or not _is_table(cls):
            super().__setattr__(name, value)
            return
        current = vars(self)
        if "_sa_instance_state" not in current:  # a draft inside one of the model's own validators
            current[name] = value
            return
        if name not in current or current[name] is not value:
            value = self._checked(name, value)
        set_attribute(self, name, value)
        self.model_fields_set.add(name)

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
        """As in SQLModel. A table class is built as its constructor builds it: no secret in an error."""
        if not _is_table(cls):
            return super().model_validate(
                obj, strict=strict, from_attributes=from_attributes, context=context, update=update
            )
        if isinstance(obj, BaseModel):
            obj = {name: getattr(obj, name) for name in obj.model_fields_set}
        data = {**cast(dict[str, Any], obj), **(update or {})} if isinstance(obj, dict) else obj
        draft = cls._draft(data, strict=strict, from_attributes=from_attributes, context=context)
        instance: Self = manager_of_class(cls).new_instance()
        instance._adopt(draft)
        return instance

    @classmethod
    def _draft(cls, data: Any, **options: Any) -> Self:
        draft: Self = cls.__new__(cls)
        try:
            cls.__pydantic_validator__.validate_python(data, self_instance=draft, **options)
        except ValidationError as error:
            raise _without_secrets(cls, error) from None
        return draft

    def _checked(self, name: str, value: Any) -> Any:
        cls = type(self)
        draft = cls.__new__(cls)
        vars(draft).update({key: current for key, current in vars(self).items() if key in cls.model_fields})
        try:
            cls.__pydantic_validator__.validate_assignment(draft, name, value)
        except ValidationError as error:
            raise _without_secrets(cls, error) from None
        return vars(draft)[name]

    def _adopt(self, draft: Self) -> None:
        for name, value in vars(draft).items():
            set_attribute(self, name, value)
        object.__setattr__(self, "__pydantic_fields_set__", draft.model_fields_set)


DomainModel.model_config["extra"] = "forbid"
DomainModel.model_config["hide_input_in_errors"] = True


def _is_table(cls: type[DomainModel]) -> bool:
    return bool(cls.model_config.get("table"))


def _without_secrets(cls: type[DomainModel], error: ValidationError) -> ValidationError:
    if not any(field.exclude for field in cls.model_fields.values()):
        return error
    lines: list[InitErrorDetails] = []
    for line in error.errors(include_url=False, include_context=False, include_input=False):
        reason = PydanticCustomError(line["type"], line["msg"])  # pyright: ignore[reportArgumentType]  # pydantic's own
        lines.append(InitErrorDetails(type=reason, loc=line["loc"], input="hidden"))
    return ValidationError.from_exception_data(error.title, lines, hide_input=True)
