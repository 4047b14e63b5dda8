"""docs/decisions/leaving.md is true: the tables are plain, and bare SQLAlchemy reads them."""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import MetaData, create_engine, select

from domain import Database, DomainModel, TenderRepository

DEADLINE = datetime(2027, 3, 1, 12, tzinfo=UTC)


def test_bare_sqlalchemy_reads_every_table_as_the_owner(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create(
            title="Harbour bridge",
            estimated_value=Decimal("1250000.5"),
            currency="EUR",
            categories=["45221110"],
            deadline=DEADLINE,
        )
    engine = create_engine(domain_db.migration_engine.url)
    tables = MetaData()
    tables.reflect(engine)
    assert tables.tables.keys() >= {"organizations", "tenders"}
    assert tables.tables.keys() >= DomainModel.metadata.tables.keys()
    with engine.connect() as connection:
        (row,) = connection.execute(select(tables.tables["tenders"])).mappings()
    engine.dispose()
    assert (row["organization_id"], row["title"], row["categories"]) == (1, "Harbour bridge", ["45221110"])
    if domain_db.is_sqlite:  # which has neither exact decimals nor time zones
        assert (row["estimated_value"], row["deadline"]) == (12_500_005_000, DEADLINE.replace(tzinfo=None))
    else:
        assert (row["estimated_value"], row["deadline"]) == (Decimal("1250000.5"), DEADLINE)
