"""What is assigned inside a JSON value and taken back is no change. (tests/matrix has the changes that are saved.)"""

from pydantic import BaseModel

from domain import Database, TenantEntity, TenantRepository


class Address(BaseModel):
    city: str = ""


class Depot(TenantEntity, table=True):
    __tablename__ = "depots"
    address: Address


class DepotRepository(TenantRepository[Depot]):
    model = Depot


def test_what_did_not_change_is_not_written(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        row_id = DepotRepository(session).add(Depot(address=Address())).id
    with domain_db.get_session(organization_id=1) as session:
        row = DepotRepository(session).require(row_id)
        row.address.city = "Oslo"
        row.address.city = ""
    with domain_db.get_session(organization_id=1) as session:
        assert DepotRepository(session).require(row_id).version == 1
