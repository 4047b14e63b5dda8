from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from domain.migrations import upgrade

MODEL = '''
"""Comments: what people say about a tender."""

from typing import Any, ClassVar

from sqlmodel import Field

from .base import DomainModel
from .entity import TenantEntity
from .fields import Text, tenant_key
from .tables import live_index
from .tender import Tender


class CommentContent(DomainModel):
    tender_id: int = tenant_key(Tender)
    body: Text = Field(min_length=1, max_length=400)


class Comment(CommentContent, TenantEntity, table=True):
    __tablename__ = "comments"
    __table_args__: ClassVar[Any] = (live_index("created_at", "id"),)
'''

REPOSITORY = '''
"""Comments."""

from ..models import Comment
from .base import TenantRepository, constructor


class CommentRepository(TenantRepository[Comment]):
    model = Comment

    @constructor(Comment)
    def create(self, entity: Comment) -> Comment:
        return self.add(entity)
'''

USE = """
import sys
from collections.abc import Sequence
from typing import assert_type

from domain import Comment, CommentRepository, Database, OrganizationRepository, SubscriptionTier, TenderRepository


def use(database: Database) -> None:
    with database.get_session() as session:
        organization = OrganizationRepository(session).create(name="A", slug="a")
    with database.get_session(organization_id=organization.id) as session:
        tender = TenderRepository(session).create(title="Bridge")
        comments = CommentRepository(session)
        comment = assert_type(comments.create(tender_id=tender.id, body="Good"), Comment)
        assert assert_type(comments.require(comment.id), Comment).body == "Good"
        assert_type(comments.find(), Sequence[Comment])
        comment.body = "Better"
    with database.get_session(organization_id=organization.id) as session:
        comments = CommentRepository(session)
        assert [comment.body for comment in comments.find()] == ["Better"]
        assert comments.soft_delete(comment.id)
        assert comments.count() == 0


def misuse(comments: CommentRepository) -> None:
    comments.create(tender_id=1, body=5)  # type: ignore[arg-type]  # refused: a text is wanted
    comments.create(tender_id=1)  # type: ignore[call-arg]  # refused: the text is missing


for url in sys.argv[1:]:
    with Database(url) as database:
        use(database)
"""


def export(file: Path, module: str, *names: str) -> None:
    listed = "".join(f'    "{name}",\n' for name in names)
    lines = f"from {module} import {', '.join(names)}\n\n__all__ = [\n{listed}"
    file.write_text(file.read_text().replace("__all__ = [\n", lines, 1))


def test_a_new_entity_takes_a_model_a_repository_its_exports_and_a_generated_revision(
    make_database: Callable[[str], Engine],
    project: Path,
    alembic: Callable[..., str],
    python: Callable[..., str],
    url_of: Callable[[Engine], str],
) -> None:
    databases = [make_database(kind) for kind in ("postgresql", "sqlite")]
    for engine in databases:
        upgrade(engine)
    (project / "domain/models/comment.py").write_text(MODEL)
    (project / "domain/repositories/comment.py").write_text(REPOSITORY)
    export(project / "domain/models/__init__.py", ".comment", "Comment", "CommentContent")
    export(project / "domain/repositories/__init__.py", ".comment", "CommentRepository")
    export(project / "domain/__init__.py", ".models.comment", "Comment", "CommentContent")
    export(project / "domain/__init__.py", ".repositories.comment", "CommentRepository")

    use = [(engine, *words) for engine in databases for words in (("upgrade", "head"), ("check",))]
    alembic(project, (databases[0], "revision", "--autogenerate", "-m", "comments"), *use)
    (project / "use.py").write_text(USE)
    python("use.py", *map(url_of, databases), cwd=project)
    said = python("-m", "mypy", "--strict", "--config-file=", "--cache-dir=types", "use.py", cwd=project)
    assert said == "Success: no issues found in 1 source file\n"
