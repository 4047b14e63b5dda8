import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

Python = Callable[..., str]
UrlOf = Callable[[Engine], str]

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

EXPORTS = {
    "models/__init__.py": "from .comment import Comment, CommentContent\n",
    "repositories/__init__.py": "from .comment import CommentRepository\n",
    "__init__.py": "from .models import Comment, CommentContent\nfrom .repositories import CommentRepository\n",
}

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
        comments.create(tender_id=tender.id, body=5)  # type: ignore[arg-type]


for url in sys.argv[1:]:
    with Database(url) as database:
        try:
            use(database)
        except ValueError as error:
            assert "body" in str(error)
"""
