from collections.abc import Callable

import pytest
from sqlalchemy import Engine, inspect, text

from domain.errors import DomainError
from domain.migrations import MigrationError, check, current, downgrade, head, upgrade


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_an_upgraded_database_is_at_the_head_and_differs_in_nothing(empty: Engine) -> None:
    upgrade(empty)
    assert current(empty) == head()
    assert check(empty) == []


def test_upgrading_again_changes_nothing(empty: Engine, catalog: Callable[[Engine], set[str]]) -> None:
    upgrade(empty)
    before = catalog(empty)
    upgrade(empty)
    assert catalog(empty) == before


def test_downgrading_to_base_leaves_alembics_own_table(empty: Engine, catalog: Callable[[Engine], set[str]]) -> None:
    upgrade(empty)
    assert catalog(empty)
    downgrade(empty, "base")
    assert inspect(empty).get_table_names() == ["domain_version"]
    assert catalog(empty) == set()
    assert current(empty) is None


def test_a_database_goes_down_and_up_again(empty: Engine) -> None:
    upgrade(empty)
    downgrade(empty, "base")
    upgrade(empty)
    assert check(empty) == []


def test_looking_at_an_empty_database_leaves_it_empty(empty: Engine) -> None:
    assert current(empty) is None
    assert "table tenders is missing in the database" in check(empty)
    assert inspect(empty).get_table_names() == []


def test_a_database_that_was_never_upgraded_is_behind(empty: Engine) -> None:
    assert check(empty)[0] == f"the database is at revision base, the newest of this version is {head()}"


def test_what_differs_is_named(empty: Engine) -> None:
    upgrade(empty)
    run(
        empty,
        "DROP INDEX ux_users_email",
        "ALTER TABLE users ADD COLUMN nickname VARCHAR(20)",
        "CREATE INDEX ix_mine ON users (full_name)",
    )
    look_ups = ["the row level security of users is not what the models say"]  # SQLite tells them by the index
    assert sorted(check(empty)) == [
        "column users.nickname is in the database only",
        "index ix_mine of users is in the database only",
        "index ux_users_email of users is missing in the database",
        *(look_ups if empty.dialect.name == "sqlite" else []),
    ]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_a_column_and_a_check_say_is_compared(empty: Engine) -> None:
    upgrade(empty)
    run(
        empty,
        "ALTER TABLE users ALTER COLUMN full_name TYPE VARCHAR(99), ALTER COLUMN role DROP NOT NULL",
        "ALTER TABLE users ALTER COLUMN version SET DEFAULT 7",
        "ALTER TABLE users DROP CONSTRAINT ck_users_role_values, DROP CONSTRAINT ck_users_email_length",
        "ALTER TABLE users ADD CONSTRAINT ck_users_role_values CHECK (role IN ('owner', 'guest'))",
    )
    lines = "\n".join(check(empty))
    assert "column users.full_name: type is VARCHAR(length=99)" in lines
    assert "column users.role: nullable is True, not False" in lines
    assert "column users.version: default" in lines
    assert "constraint ck_users_role_values of users is in the database only" in lines
    assert "constraint ck_users_email_length of users is missing in the database" in lines


def test_a_revision_of_a_newer_release_is_named(empty: Engine) -> None:
    upgrade(empty)
    run(empty, "UPDATE domain_version SET version_num = '9999'")
    assert check(empty) == [f"the database is at revision 9999, the newest of this version is {head()}"]
    with pytest.raises(MigrationError, match="9999"):
        upgrade(empty)


def test_an_unknown_revision_is_refused_as_one_of_our_errors(empty: Engine) -> None:
    with pytest.raises(DomainError, match="nowhere"):
        upgrade(empty, "nowhere")


def test_a_migration_over_tables_that_stand_already_says_so(empty: Engine) -> None:
    run(empty, "CREATE TABLE organizations (id INTEGER)")
    with pytest.raises(MigrationError, match=r"the database is at no revision: .*organizations.* already exists"):
        upgrade(empty)
    assert inspect(empty).get_table_names() == ["organizations"]


def test_the_commands_print_and_log_nothing(
    empty: Engine, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    upgrade(empty)
    check(empty)
    downgrade(empty, "base")
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
