"""``create_roles``: logins with the least that works."""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from domain import ConfigurationError, Database
from domain.config import parse_url
from domain.deployment import Logins, create_roles, examine, plan
from domain.testing import Cluster
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM
from tests.deployment.conftest import name_of

Administer = Callable[..., None]
LOGINS = Logins(owner=OWNER, application=APPLICATION, system=SYSTEM)
PASSWORD = "o'Brien\\\"; DROP TABLE tenders; -- %s $$ \N{SNOWMAN}"

RIGHTS = text(
    "SELECT c.relname, a.grantee::regrole::text, string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type)"
    " FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner"
    " GROUP BY 1, 2"
)
STATE = text(
    "SELECT relname || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " UNION ALL SELECT p::text FROM pg_policies p UNION ALL SELECT r::text FROM pg_roles r"
    " UNION ALL SELECT datacl::text FROM pg_database WHERE datname = current_database()"
    " UNION ALL SELECT nspacl::text FROM pg_namespace UNION ALL SELECT oid::text FROM pg_policy"
)


def state(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {str(line) for line in connection.scalars(STATE)}


def rights(engine: Engine) -> dict[tuple[str, str], str]:
    with engine.connect() as connection:
        return {(table, login): granted for table, login, granted in connection.execute(RIGHTS)}


def test_each_login_has_what_it_needs_and_nothing_else(deployed: Database, admin: Engine) -> None:
    found = rights(admin)
    assert {login for _, login in found} == {APPLICATION, SYSTEM}
    assert found["tenders", APPLICATION] == "INSERT SELECT UPDATE"
    assert found["tenders", SYSTEM] == "DELETE INSERT SELECT UPDATE"
    assert found["system_access", SYSTEM] == "INSERT SELECT"
    assert found["purge_records", SYSTEM] == "INSERT SELECT"
    assert not {("system_access", APPLICATION), ("purge_records", APPLICATION)} & found.keys()
    assert found["domain_version", APPLICATION] == found["domain_version", SYSTEM] == "SELECT"
    assert not [table for table, _ in found if table.endswith("_seq")]


def test_running_it_again_changes_nothing(deployed: Database, admin: Engine) -> None:
    before = state(admin)
    create_roles(admin, LOGINS)
    assert state(admin) == before


def test_the_owner_runs_it_again_after_a_migration_without_any_power_over_roles(
    deployed: Database, admin: Engine
) -> None:
    with deployed.migration_engine.begin() as connection:
        connection.execute(text("CREATE TABLE later (id int)"))
    assert ("later", APPLICATION) not in rights(admin)
    create_roles(deployed.migration_engine, LOGINS)
    assert rights(admin)["later", APPLICATION] == "DELETE INSERT SELECT UPDATE"
    assert examine(deployed) == []


def test_what_was_too_much_is_taken_away(deployed: Database, admin: Engine, administer: Administer) -> None:
    administer(
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC, {APPLICATION}",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {APPLICATION}",
        f"GRANT UPDATE (version_num) ON domain_version TO {APPLICATION}",
        f"GRANT ALL ON SCHEMA public TO PUBLIC, {APPLICATION}",
        f"GRANT ALL ON DATABASE {name_of(deployed)} TO PUBLIC, {APPLICATION}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT ALL ON TABLES TO {APPLICATION}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT ALL ON SEQUENCES TO {SYSTEM}",
        "ALTER POLICY system_access ON tenders TO PUBLIC",
        "ALTER POLICY system_access ON users USING (true)",
        "ALTER POLICY owner_access ON users USING (false)",
        "CREATE VIEW leaking AS SELECT * FROM tenders",
        f"ALTER VIEW leaking OWNER TO {OWNER}",
        f"GRANT SELECT ON leaking TO {APPLICATION}",
        "CREATE VIEW safe WITH (security_invoker = true) AS SELECT * FROM tenders",
        f"ALTER VIEW safe OWNER TO {OWNER}",
    )
    create_roles(admin, LOGINS)
    found = rights(admin)
    assert found["tenders", APPLICATION] == "INSERT SELECT UPDATE"
    assert found["safe", APPLICATION] == "SELECT"
    assert ("leaking", APPLICATION) not in found
    with deployed.migration_engine.begin() as connection:
        connection.execute(text("CREATE TABLE new_one (id serial)"))
    assert not [table for table, _ in rights(admin) if table.startswith("new_one")]
    administer("DROP VIEW leaking")
    assert examine(deployed) == []


def test_partitions_get_nothing(deployed: Database, admin: Engine) -> None:
    with deployed.migration_engine.begin() as connection:
        connection.execute(text("CREATE TABLE parts (organization_id bigint) PARTITION BY LIST (organization_id)"))
        connection.execute(text("CREATE TABLE part_1 PARTITION OF parts DEFAULT"))
        connection.execute(text(f"GRANT SELECT ON part_1 TO {APPLICATION}, PUBLIC"))
    create_roles(admin, LOGINS)
    assert {table for table, _ in rights(admin) if table.startswith("part")} == {"parts"}


@pytest.fixture
def fresh(new_role: str, deployed: Database) -> Logins:
    """An application's login that is not there yet, with an awkward name and password."""
    return Logins(owner=OWNER, application=new_role, application_password=PASSWORD)


@pytest.fixture
def dropped(new_role: str, admin: Engine) -> Iterator[None]:
    yield
    with admin.begin() as connection:
        if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": new_role}):
            connection.execute(text(f'DROP OWNED BY "{new_role}"'))


def test_a_login_is_created_with_no_power_and_its_password(fresh: Logins, admin: Engine, dropped: None) -> None:
    create_roles(admin, fresh)
    with admin.connect() as connection:
        role = connection.execute(
            text("SELECT * FROM pg_authid WHERE rolname = :name"), {"name": fresh.application}
        ).one()
    powers = (role.rolsuper, role.rolbypassrls, role.rolcreatedb, role.rolcreaterole, role.rolreplication)
    assert (role.rolcanlogin, *powers) == (True, False, False, False, False, False)
    assert is_password(PASSWORD, role.rolpassword)
    assert not is_password("another", role.rolpassword)


def is_password(password: str, stored: str) -> bool:
    """Whether it is what PostgreSQL keeps: SCRAM-SHA-256$<rounds>:<salt>$<StoredKey>:<ServerKey>."""
    _, settings, keys = stored.split("$")
    rounds, _, salt = settings.partition(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return base64.b64encode(hashlib.sha256(client_key).digest()).decode() == keys.partition(":")[0]


def test_no_password_is_shown_or_logged(
    fresh: Logins, admin: Engine, dropped: None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    try:
        with admin.connect() as connection:
            planned = [statement.shown for statement in plan(connection, fresh)]
        assert create_roles(admin, fresh) == planned
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    seen = "\n".join([*planned, repr(fresh), caplog.text, *capfd.readouterr()])
    assert "PASSWORD '***'" in seen
    assert "SCRAM" not in seen
    assert "Brien" not in seen


def test_memberships_and_powers_of_an_existing_login_are_taken_away(
    fresh: Logins, admin: Engine, administer: Administer, dropped: None
) -> None:
    administer(
        f'CREATE ROLE "{fresh.application}" NOLOGIN BYPASSRLS CREATEROLE CREATEDB REPLICATION',
        f'GRANT {SYSTEM}, {OWNER}, pg_read_all_data TO "{fresh.application}"',
    )
    create_roles(admin, fresh)
    with admin.connect() as connection:
        query = "SELECT r.rolcanlogin, r.rolbypassrls, r.rolcreaterole, (SELECT count(*) FROM pg_auth_members"
        query += " WHERE member = r.oid) FROM pg_roles r WHERE rolname = :name"
        assert connection.execute(text(query), {"name": fresh.application}).one() == (True, False, False, 0)


def test_a_superuser_is_refused_and_not_demoted(deployed: Database, admin: Engine) -> None:
    with pytest.raises(ConfigurationError, match="postgres is a superuser"):
        create_roles(admin, Logins(owner=OWNER, application="postgres", system=SYSTEM))


def test_a_login_that_may_not_create_roles_is_told_whom_to_ask(deployed: Database, fresh: Logins) -> None:
    with pytest.raises(ConfigurationError, match=rf"{OWNER} may not create it: .*--admin-url") as refused:
        create_roles(deployed.migration_engine, fresh)
    assert PASSWORD not in str(refused.value)


def test_a_creator_of_roles_who_is_no_superuser_can_do_it_twice(
    fresh: Logins, deployed: Database, admin: Engine, administer: Administer, dropped: None
) -> None:
    administer(f"ALTER ROLE {OWNER} CREATEROLE")
    try:
        create_roles(deployed.migration_engine, fresh)
        create_roles(deployed.migration_engine, fresh)
    finally:
        administer(f"ALTER ROLE {OWNER} NOCREATEROLE")
    assert rights(admin)["tenders", f'"{fresh.application}"'] == "INSERT SELECT UPDATE"


def test_tables_of_another_owner_are_named_with_the_remedy(deployed: Database, admin: Engine) -> None:
    with pytest.raises(ConfigurationError, match=f"belong to {OWNER}, not to {SYSTEM}.*MIGRATION_DATABASE_URL"):
        create_roles(admin, Logins(owner=SYSTEM, application=APPLICATION))


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        (("sqlite:///a.db", None, None), "SQLite has no logins"),
        (("postgresql://h/d", None, None), "DATABASE_URL names no login"),
        (("postgresql://a@h/d", None, None), "MIGRATION_DATABASE_URL"),
        (("postgresql://a@h/d", "postgresql://a@h/d", None), "SYSTEM_DATABASE_URL"),
        (("postgresql://a@h/d", "postgresql://o@h/d", "postgresql://o@h/d"), "SYSTEM_DATABASE_URL"),
    ],
)
def test_urls_that_name_no_logins_of_their_own_are_refused(urls: tuple[str | None, ...], said: str) -> None:
    application, system, migration = (parse_url(url) if url else None for url in urls)
    assert application is not None
    with pytest.raises(ConfigurationError, match=said):
        Logins.from_urls(application, system, migration)


def test_names_and_passwords_are_those_of_the_urls() -> None:
    logins = Logins.from_urls(
        parse_url("postgresql://app:p%40ss@h/d"),
        parse_url("postgresql://h/d?user=sys&password=word"),
        parse_url("postgresql://own@h/d"),
    )
    assert (logins.application, logins.application_password) == ("app", "p@ss")
    assert (logins.system, logins.system_password) == ("sys", "word")
    assert (logins.owner, logins.owner_password) == ("own", None)


def test_a_failure_says_which_statement_and_changes_nothing(
    domain_cluster: Cluster, superuser: Callable[[str], AbstractContextManager[Engine]], new_role: str
) -> None:
    url = make_url(domain_cluster.url("postgres", OWNER))
    engine = create_engine(url)
    with superuser("postgres") as administrator, administrator.begin() as connection:
        connection.execute(text(f'CREATE ROLE "{new_role}" LOGIN CREATEDB'))
    with pytest.raises(ConfigurationError, match=r"ALTER ROLE .*NOCREATEDB.*nothing was changed"):
        create_roles(engine, Logins(owner=OWNER, application=new_role))
    engine.dispose()
