"""Row level security in migrations."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text

from domain import ConstraintError, Database, DomainModel, OrganizationRepository, TenderRepository
from domain.kit.schema.beside import REPLACEABLES, faults
from domain.kit.schema.scope_postgresql import RowLevelSecurity
from domain.kit.schema.search_index import SearchIndex
from domain.migrations import check, downgrade, head, upgrade
from domain.migrations.trees import domain_tables
from tests.migrations.conftest import next_revision, upgrade_by

ROOT = Path(__file__).parents[2]
Alembic = Callable[..., str]
UrlOf = Callable[[Engine], str]

TITLES = text("SELECT string_agg(title, ',' ORDER BY organization_id) FROM tenders")
HELD = text("SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relrowsecurity AND relkind = 'r'")


@pytest.fixture
def postgresql(make_database: Callable[[str], Engine]) -> Engine:
    engine = make_database("postgresql")
    upgrade(engine)
    return engine


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def two_tenders(url: str) -> None:
    with Database(url) as database:
        for slug in ("a", "b"):
            with database.get_session() as session:
                organization = OrganizationRepository(session).create(name=slug, slug=slug)
            with database.get_session(organization_id=organization.id) as session:
                TenderRepository(session).create(title=slug)


def titles(engine: Engine) -> str | None:
    """Of every organization: as the owner, whom nothing holds for once; rolled back."""
    with engine.connect() as connection:
        connection.execute(text("ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY"))
        found: str | None = connection.scalar(TITLES)
        return found


def is_held(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(HELD))


@pytest.mark.parametrize("made_by", ["upgrade", "create_all"])
def test_every_tenant_table_is_held_and_has_the_policies_of_its_model(
    made_by: str, make_database: Callable[[str], Engine]
) -> None:
    engine = make_database("postgresql")
    if made_by == "upgrade":
        upgrade(engine)
    else:
        DomainModel.metadata.create_all(engine, tables=domain_tables())
    with engine.connect() as connection:
        present = RowLevelSecurity().present(connection) or {}
        assert list(faults(connection, domain_tables())) == []
    secured = [table.name for table in domain_tables() if RowLevelSecurity().wanted(table)]
    assert len(secured) >= 6
    assert {name for name, found in present.items() if found.holds and found.state} == set(secured)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP POLICY organization_isolation ON tenders",
        "ALTER POLICY organization_isolation ON tenders USING (true)",
        "ALTER POLICY organization_isolation ON tenders WITH CHECK (true)",
        "ALTER POLICY organization_isolation ON tenders TO CURRENT_USER",
        "CREATE POLICY one_more ON tenders FOR SELECT USING (title = 'open')",
        "ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE tenders DISABLE ROW LEVEL SECURITY",
    ],
)
def test_what_was_done_to_a_policy_shows_and_a_generated_revision_undoes_it(
    statement: str, postgresql: Engine, project: Path, alembic: Alembic
) -> None:
    assert check(postgresql) == []
    run(postgresql, statement)
    assert check(postgresql) == ["the row level security of tenders is not what the models say"]
    if "TO CURRENT_USER" in statement or "CREATE" in statement:
        return
    generate = (postgresql, "revision", "--autogenerate", "-m", "again", "--rev-id", "9999")
    alembic(project, generate, (postgresql, "upgrade", "head"), (postgresql, "check"))


def test_a_data_migration_changes_the_rows_of_every_organization(
    postgresql: Engine, project: Path, url_of: UrlOf
) -> None:
    two_tenders(url_of(postgresql))
    upgrade_by(next_revision(project, "op.execute(\"UPDATE tenders SET title = title || '!'\")"), postgresql)
    assert titles(postgresql) == "a!,b!"
    assert is_held(postgresql)


def test_so_does_one_in_the_revision_that_sets_the_policies(postgresql: Engine, project: Path, url_of: UrlOf) -> None:
    two_tenders(url_of(postgresql))
    state = "{'organization_isolation': 'FOR ALL USING (organization_id = 0)'}"
    again = f"op.invoke(ReplaceOp('row level security', 'tenders', {state}))"
    upgrade_by(next_revision(project, again, "op.execute(\"UPDATE tenders SET title = title || '!'\")"), postgresql)
    assert titles(postgresql) == "a!,b!"
    assert is_held(postgresql)


def test_a_data_migration_that_fails_leaves_everything_held(postgresql: Engine, project: Path, url_of: UrlOf) -> None:
    two_tenders(url_of(postgresql))
    failing = next_revision(project, "op.execute(\"UPDATE tenders SET title = 'x'\")", "op.execute('SELECT 1 / 0')")
    with pytest.raises(ConstraintError, match="22012"):
        upgrade_by(failing, postgresql)
    assert titles(postgresql) == "a,b"
    assert is_held(postgresql)


def test_a_downgrade_changes_the_rows_of_every_organization_too(
    postgresql: Engine, project: Path, url_of: UrlOf
) -> None:
    two_tenders(url_of(postgresql))
    config = next_revision(project, "pass", back="op.execute(\"UPDATE tenders SET title = 'down'\")")
    upgrade_by(config, postgresql)
    command.downgrade(config, head())
    assert titles(postgresql) == "down,down"
    assert is_held(postgresql)
    downgrade(postgresql, "base")


def test_the_printed_sql_does_the_same(
    postgresql: Engine, project: Path, url_of: UrlOf, capsys: pytest.CaptureFixture[str]
) -> None:
    two_tenders(url_of(postgresql))
    config = next_revision(project, "op.execute(\"UPDATE tenders SET title = title || '!'\")")
    config.attributes["engine"] = postgresql
    command.upgrade(config, f"{head()}:9999", sql=True)
    printed = capsys.readouterr().out
    with postgresql.connect() as connection:
        connection.connection.cursor().execute(printed)  # it has BEGIN and COMMIT of its own
    assert titles(postgresql) == "a!,b!"
    assert is_held(postgresql)


def test_row_level_security_that_an_application_made_by_hand_is_left_alone(postgresql: Engine, project: Path) -> None:
    run(
        postgresql,
        "CREATE TABLE own (id bigint)",
        "ALTER TABLE own ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON own USING (id > 5)",
    )
    upgrade_by(next_revision(project, "pass"), postgresql)
    assert is_held(postgresql)


def test_a_model_that_gains_a_tenant_base_gets_its_policies_in_the_same_revision(
    make_database: Callable[[str], Engine], project: Path, alembic: Alembic
) -> None:
    databases = [make_database(kind) for kind in ("sqlite", "postgresql")]
    for engine in databases:
        upgrade(engine)
    file = project / "domain/tenders/note.py"
    file.write_text(
        "from ..kit.model import Entity, TenantEntity\nfrom ..kit.model.fields import Text\n\n\n"
        "class Note(Entity, table=True):\n    __tablename__ = 'notes'\n    body: Text = ''\n"
    )
    exports = project / "domain/models.py"
    exports.write_text(exports.read_text() + "\nfrom .tenders.note import Note as Note\n")
    notes = (databases[1], "revision", "--autogenerate", "-m", "notes", "--rev-id", "9998")
    use = [(engine, *words) for engine in databases for words in (("upgrade", "head"), ("check",))]
    alembic(project, notes, *use)
    file.write_text(file.read_text().replace("class Note(Entity", "class Note(TenantEntity"))
    tenant = (databases[1], "revision", "--autogenerate", "-m", "tenant", "--rev-id", "9999")
    alembic(project, tenant, *use)
    (generated,) = (path.read_text() for path in project.glob("alembic/versions/9999_*.py"))
    assert "ReplaceOp('row level security', 'notes', {'organization_isolation'" in generated
    with databases[1].connect() as connection:
        assert (RowLevelSecurity().present(connection) or {})["notes"].holds


DOOR_KEY = """

from domain.models import lookup_field


class DoorKey(TenantEntity, table=True):
    \"\"\"What a program logs in with.\"\"\"

    __tablename__ = "door_keys"
    digest: Text = lookup_field(min_length=64, max_length=64)
"""
KEY_POLICY = text(
    "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy"
    " WHERE polname = 'find_by_digest' AND polrelid = 'door_keys'::regclass"
)


def test_an_applications_look_up_gets_its_policy_in_its_own_tree(
    postgresql: Engine, make_database: Callable[[str], Engine], tmp_path: Path, alembic: Alembic
) -> None:
    application = tmp_path / "application"
    shutil.copytree(ROOT / "examples/application", application, ignore=shutil.ignore_patterns("__pycache__"))
    models = application / "workshop/models.py"
    models.write_text(models.read_text() + DOOR_KEY)
    sqlite = make_database("sqlite")
    upgrade(sqlite)
    for engine in (postgresql, sqlite):
        alembic(application, (engine, "upgrade", "head"), path=(ROOT,))
    keys = (postgresql, "revision", "--autogenerate", "-m", "keys")
    ways = (("upgrade", "head"), ("check",), ("downgrade", "-1"), ("upgrade", "head"), ("check",))
    alembic(application, keys, *((engine, *way) for engine in (postgresql, sqlite) for way in ways), path=(ROOT,))
    with postgresql.connect() as connection:
        assert "app.find_door_keys_digest" in str(connection.scalar(KEY_POLICY))
        migrated = (RowLevelSecurity().present(connection) or {})["door_keys"]
    made = make_database("postgresql")
    script = f"import workshop.models as m; from domain import Database; Database({made.url.render_as_string(False)!r})"
    subprocess.run(
        [sys.executable, "-c", f"{script}.create_all()"],
        cwd=application,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    with made.connect() as connection:
        assert (RowLevelSecurity().present(connection) or {})["door_keys"] == migrated
    run(postgresql, "DROP POLICY find_by_digest ON door_keys")
    with pytest.raises(AssertionError, match="New upgrade operations"):
        alembic(application, (postgresql, "check"), path=(ROOT,))


def test_an_applications_tree_has_its_own_policies_and_never_touches_ours(
    postgresql: Engine, tmp_path: Path, alembic: Alembic
) -> None:
    application = tmp_path / "application"
    shutil.copytree(ROOT / "examples/application", application, ignore=shutil.ignore_patterns("__pycache__"))
    for shipped in application.glob("migrations/versions/*.py"):
        shipped.unlink()
    run(postgresql, "ALTER POLICY organization_isolation ON tenders USING (true)")
    first = (postgresql, "revision", "--autogenerate", "-m", "first")
    alembic(application, first, (postgresql, "upgrade", "head"), (postgresql, "check"), path=(ROOT,))
    (generated,) = (path.read_text() for path in application.glob("migrations/versions/*_first.py"))
    for kind in REPLACEABLES:
        times = 0 if kind == SearchIndex.name else 2  # nothing of it is searched
        assert generated.count(f"ReplaceOp('{kind}', ") == generated.count(f"ReplaceOp('{kind}', 'invoices'") == times
    assert check(postgresql) == ["the row level security of tenders is not what the models say"]
    run(postgresql, "ALTER POLICY organization_isolation ON invoices USING (true)")
    with pytest.raises(AssertionError, match="New upgrade operations"):
        alembic(application, (postgresql, "check"), path=(ROOT,))
