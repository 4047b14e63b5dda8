"""Lines of revisions and their tables: ours are this package's, the rest the application's."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from alembic.runtime.environment import NameFilterParentNames, NameFilterType
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Column, Identity, MetaData, Table
from sqlalchemy.schema import SchemaItem

from ..kit.model import DomainModel
from ..kit.model.registry import REGISTRY
from ..kit.schema.audit_sqlite import CONTEXT
from ..kit.schema.search_index import search_index
from ..version import VERSION_TABLE
from .checks import compare_checks
from .rendering import render_item, rewriter
from .replaceable import compare
from .transaction import OWNER_LET_THROUGH

Tree: TypeAlias = dict[str, Any]
"""A line of revisions, as what Alembic is configured with wherever it runs, compares or renders."""

ObjectFilter: TypeAlias = Callable[[SchemaItem, str | None, NameFilterType, bool, SchemaItem | None], bool]
"""Alembic's ``include_object``."""

_NAME = "domain.migrations"
# Alembic's own comparisons, and what this package adds.
PLUGINS = ["alembic.autogenerate.*", _NAME]


def domain_tables() -> list[Table]:
    """The tables of this package, without those that an application defined on its bases."""
    package = __name__.partition(".")[0]
    ours = {m.local_table for m in REGISTRY.mappers if m.class_.__module__.startswith(f"{package}.")}
    return [table for table in DomainModel.metadata.sorted_tables if table in ours]


_OURS = frozenset(table.name for table in domain_tables())


def domain_tree() -> Tree:
    """This package's own."""
    return _tree(VERSION_TABLE, DomainModel.metadata, _OURS.__contains__)


def application_tree(
    metadata: MetaData | Sequence[MetaData], version_table: str, include_object: ObjectFilter | None = None
) -> Tree:
    """An application's: every table but ours, and but what its own filter leaves out."""
    return _tree(version_table, metadata, lambda name: name not in {*_OURS, VERSION_TABLE, CONTEXT}, include_object)


def _tree(
    version_table: str,
    metadata: MetaData | Sequence[MetaData],
    owns: Callable[[str], bool],
    include_object: ObjectFilter | None = None,
) -> Tree:
    def includes_name(name: str | None, kind: NameFilterType, parents: NameFilterParentNames) -> bool:
        if kind == "index" and name == search_index(str(parents.get("table_name"))):
            return False  # compared with what stands beside the table
        return kind != "table" or name is None or owns(name)

    def includes_object(
        item: SchemaItem, name: str | None, kind: NameFilterType, reflected: bool, other: SchemaItem | None
    ) -> bool:
        if not includes_name(name, kind, {}):
            return False
        return include_object is None or include_object(item, name, kind, reflected, other)

    return {
        "version_table": version_table,
        "target_metadata": metadata,
        "include_name": includes_name,  # of the database
        "include_object": includes_object,  # of the models
        "render_item": render_item,
        "process_revision_directives": rewriter,
        "render_as_batch": True,
        "transactional_ddl": True,  # SQLite, too: see sqlite_transaction
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": PLUGINS,
        OWNER_LET_THROUGH: True,  # as every run of ours does
    }


def _ignore_identity(*arguments: Any) -> PriorityDispatchResult:
    # SQLite gives ids to every INTEGER PRIMARY KEY, and shows no sign of it.
    wanted: Column[Any] = arguments[-1]
    is_identity = isinstance(wanted.server_default, Identity)
    return PriorityDispatchResult.STOP if is_identity else PriorityDispatchResult.CONTINUE


_plugin = Plugin(_NAME)
_plugin.add_autogenerate_comparator(compare_checks, "table", "checkconstraints")
_plugin.add_autogenerate_comparator(compare, "schema", "replaceable", priority=DispatchPriority.LAST)
_plugin.add_autogenerate_comparator(
    _ignore_identity, "column", "server_default", qualifier="sqlite", priority=DispatchPriority.FIRST
)
