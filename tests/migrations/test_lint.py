"""Revisions that would hold up a running application are refused, and what each refusal asks for is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.migrations import MigrationError, lint
from domain.migrations.lint_rules import RECIPES

ROOT = Path(__file__).parents[2]
OUTSIDE = "with op.get_context().autocommit_block():\n        "
VALIDATE = "op.execute('ALTER TABLE tenders VALIDATE CONSTRAINT ck')"
NOT_VALID = "op.create_check_constraint(op.f('ck'), 'tenders', '{}', postgresql_not_valid=True)"
REQUIRE = "op.alter_column('tenders', 'region', nullable=False, existing_type=sa.String(20))"
CONCURRENTLY = "op.create_index('ix', 'tenders', ['title'], postgresql_concurrently=True)"
DROP_FIRST = "op.drop_index('ix', 'tenders', if_exists=True, postgresql_concurrently=True)"
ADD = "op.add_column('tenders', sa.Column('region', sa.String(20){}))"

Lint = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def lint_of(tmp_path: Path) -> Lint:
    """Lints a tree of revisions, each by the body of its ``upgrade``; the number and the rule of each refusal."""

    def run(*bodies: str, allow: object = None, since: str | None = None) -> list[tuple[str, str]]:
        versions = tmp_path / "scripts/versions"
        versions.mkdir(parents=True, exist_ok=True)
        for number, body in enumerate(bodies, 1):
            before = str(number - 1) if number > 1 else None
            (versions / f"{number}.py").write_text(
                "import sqlalchemy as sa\nfrom alembic import op\nfrom domain.migrations import ReplaceOp, backfill\n\n"
                f"revision = '{number}'\ndown_revision = {before!r}\nlint_allow = {allow or {}!r}\n\n\n"
                f"def upgrade():\n    {body}\n\n\ndef downgrade():\n    pass\n"
            )
        return [(refusal.revision, refusal.rule) for refusal in lint(versions.parent, since=since)]

    return run


def steps(*lines: str) -> str:
    return "\n    ".join(lines)


REFUSED = {
    "a required column": (ADD.format(", nullable=False"), "not null"),
    "a required column as text": ("op.execute('alter table only \"tenders\" add region int not null')", "not null"),
    "a column that becomes required": (REQUIRE, "not null"),
    "a column with a volatile default": (
        ADD.format(", server_default=sa.text('gen_random_uuid()')"),
        "rewrite",
    ),
    "a computed column": ("op.execute('ALTER TABLE tenders ADD x int GENERATED ALWAYS AS (1) STORED')", "rewrite"),
    "a type": ("op.alter_column('tenders', 'title', type_=sa.Integer())", "type"),
    "an index": ("op.create_index('ix', 'tenders', ['title'])", "index"),
    "an index in a batch": (
        "with op.batch_alter_table('tenders') as batch: batch.create_index('ix', ['title'], unique=True)",
        "index",
    ),
    "a unique constraint": ("op.create_unique_constraint('ux', 'tenders', ['title'])", "index"),
    "a concurrent index in the transaction": (CONCURRENTLY, "outside"),
    "a concurrent index that can't be made again": (OUTSIDE + CONCURRENTLY, "again"),
    "a foreign key": ("op.create_foreign_key('fk', 'tenders', 'users', ['a'], ['id'])", "constraint"),
    "a column that refers": ("op.execute('ALTER TABLE tenders ADD a bigint REFERENCES users (id)')", "constraint"),
    "a check": ("op.create_check_constraint('ck', 'tenders', 'a > 0')", "constraint"),
    "a renamed column": ("op.alter_column('tenders', 'title', new_column_name='name')", "rename"),
    "a renamed table": ("op.rename_table('tenders', 'calls')", "rename"),
    "a dropped column": ("op.drop_column('tenders', 'title')", "drop"),
    "a dropped table": ("op.drop_table('tenders')", "drop"),
    "the second action of a statement": ("op.execute('ALTER TABLE tenders ADD a int, DROP COLUMN b')", "drop"),
    "the second statement of a text": ("op.execute('SELECT 1; DROP TABLE tenders')", "drop"),
    "rows changed at once": ("op.execute(\"UPDATE tenders SET title = 'it''s; --'\")", "backfill"),
    "rows changed by an expression": (
        "op.execute(sa.table('tenders', sa.column('title', sa.Text())).update().values(title='x'))",
        "backfill",
    ),
    "rows removed after a comment": ("op.execute('/* old */ WITH x AS (SELECT 1) DELETE FROM tenders')", "backfill"),
    "rows copied": ("op.execute('INSERT INTO tenders (title) SELECT title FROM old')", "backfill"),
    "a second table": (steps(ADD.format(""), ADD.format("").replace("tenders", "users")), "lock"),
    "a validation under a lock": (steps(NOT_VALID.format("a > 0"), VALIDATE), "lock"),
    "a table that is locked by hand": (steps("op.execute('LOCK TABLE users')", VALIDATE), "lock"),
    "a policy and another table": (
        steps("op.execute('CREATE POLICY p ON users USING (true)')", ADD.format("")),
        "lock",
    ),
    "a look at the rows": ("op.get_bind().execute(sa.text('SELECT 1')).scalar()", "unreadable"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_hold_up_others_is_refused(case: str, lint_of: Lint) -> None:
    body, rule = REFUSED[case]
    assert lint_of(body) == [("1", rule)]


def test_every_rule_is_tried() -> None:
    assert {rule for _, rule in REFUSED.values()} == RECIPES.keys() - {"allow"}


ACCEPTED = {
    "a column": [ADD.format("")],
    "a required column with a default": [ADD.format(", nullable=False, server_default='EU'")],
    "a column that is shown not to be null": [
        ADD.format(""),
        "backfill('tenders', \"region = 'EU'\", where='region IS NULL')",
        NOT_VALID.format("region IS NOT NULL"),
        VALIDATE,
        REQUIRE,
    ],
    "a concurrent index": [f"{OUTSIDE}{DROP_FIRST}\n        {CONCURRENTLY}"],
    "a unique constraint by an index": ["op.execute('ALTER TABLE tenders ADD CONSTRAINT ux UNIQUE USING INDEX ix')"],
    "a foreign key in two steps": [
        "op.create_foreign_key(op.f('ck'), 'tenders', 'users', ['a'], ['id'], postgresql_not_valid=True)",
        VALIDATE,
    ],
    "what a new table needs": [
        steps(
            "op.create_table('new', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('title', sa.Text()))",
            "op.create_index('ix', 'new', ['title'])",
            "op.execute('INSERT INTO new (title) SELECT title FROM tenders')",
            "op.execute('UPDATE new SET title = NULL')",
            "op.alter_column('new', 'title', nullable=False)",
            "op.invoke(ReplaceOp('row level security', 'new', {'of_the_system': 'FOR ALL USING (false)'}))",
        )
    ],
    "rows that are given": ["op.execute(\"INSERT INTO tenders (title) VALUES ('SELECT, UPDATE tenders')\")"],
    "words in a text": ["op.execute(\"COMMENT ON TABLE tenders IS 'DROP TABLE tenders; -- UPDATE tenders'\")"],
    "two tables, one after the other": [ADD.format(""), ADD.format("").replace("tenders", "users")],
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_lets_others_through_is_accepted(case: str, lint_of: Lint) -> None:
    assert lint_of(*ACCEPTED[case]) == []


def test_a_column_whose_check_was_not_validated_is_not_shown_to_be_filled(lint_of: Lint) -> None:
    assert lint_of(ADD.format(""), NOT_VALID.format("region IS NOT NULL"), REQUIRE) == [("3", "not null")]
    assert lint_of(ADD.format(""), NOT_VALID.format("title IS NOT NULL"), VALIDATE, REQUIRE) == [("4", "not null")]


def test_a_table_of_an_earlier_revision_is_in_use(lint_of: Lint) -> None:
    made = "op.create_table('new', sa.Column('id', sa.Integer()))"
    assert lint_of(made, "op.create_index('ix', 'new', ['id'])") == [("2", "index")]


def test_a_revision_accepts_a_rule_by_its_name_and_with_a_reason(lint_of: Lint) -> None:
    body = steps("op.drop_column('tenders', 'title')", "op.create_index('ix', 'tenders', ['a'])")
    assert lint_of(body, allow={"drop": "not used since 2.3"}) == [("1", "index"), ("1", "lock")]
    assert lint_of(ADD.format(""), allow={"drop": " "}) == [("1", "allow")]
    assert lint_of(ADD.format(""), allow={"dorp": "why"}) == [("1", "allow")]
    for wrong in (["drop"], "drop", {"drop": None}, {7: "why"}):
        assert lint_of(ADD.format(""), allow=wrong) == [("1", "allow")]


def test_only_later_revisions_are_told_of_and_earlier_ones_are_read(lint_of: Lint) -> None:
    drop = "op.drop_column('tenders', 'title')"
    assert lint_of(drop, drop) == [("1", "drop"), ("2", "drop")]
    assert lint_of(drop, drop, since="1") == [("2", "drop")]
    proven = (ADD.format(""), NOT_VALID.format("region IS NOT NULL"), VALIDATE, REQUIRE)
    assert lint_of(*proven, since="3") == []


def test_a_tree_or_a_revision_that_is_not_there_is_named(tmp_path: Path, lint_of: Lint) -> None:
    with pytest.raises(MigrationError, match="nowhere"):
        lint(tmp_path / "nowhere")
    with pytest.raises(MigrationError, match="has no revisions"):
        lint(tmp_path)
    with pytest.raises(MigrationError, match="77"):
        lint_of(ADD.format(""), since="77")


@pytest.mark.parametrize("tree", ["alembic.ini", "alembic", "examples/application/alembic.ini"])
def test_our_own_revisions_are_clean(tree: str) -> None:
    assert lint(ROOT / tree) == []
