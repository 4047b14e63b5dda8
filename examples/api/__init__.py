"""An API over the public names of the package, which redeclares no field. ``make api`` starts it with sample data."""

from fastapi import FastAPI

from domain.fastapi import health_routes, install_errors

from . import accounts, drafts, organization, tenders

app = FastAPI(title="Tenders")
install_errors(app)
for router in (health_routes(), accounts.router, tenders.router, drafts.router, organization.router):
    app.include_router(router)
