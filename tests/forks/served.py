"""An application whose pool was used before gunicorn forked its workers (``--preload``)."""

import os

from fastapi import FastAPI

from domain import Database, TenantSession, TenderRepository

app = FastAPI()
database = Database()


def titles(session: TenantSession) -> set[str]:
    return {tender.title for tender in TenderRepository(session).find(limit=20)}


for organization_id in (1, 2):
    assert database.run(titles, organization_id=organization_id) == {f"of {organization_id}"}


@app.get("/{organization_id}")
def read(organization_id: int, reads: int) -> dict[str, int]:
    """How many of the reads brought other rows than the organization's, or none; and who read."""
    tenant = database.tenant(organization_id)
    foreign = sum(tenant.run(titles) != {f"of {organization_id}"} for _ in range(reads))
    return {"process": os.getpid(), "foreign": foreign}
