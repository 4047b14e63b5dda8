"""Running and checking the schema's migrations, and the helper for an application's own env.py."""

from sqlalchemy import Engine


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision."""
    from ..models import DomainModel
    DomainModel.metadata.create_all(engine)
