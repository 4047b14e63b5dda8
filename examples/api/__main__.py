"""``make api``: the application on an embedded database with sample data, which goes when it ends."""

import subprocess
import sys
from importlib.resources import as_file, files
from tempfile import TemporaryDirectory

import uvicorn

from domain import OrganizationRepository, UserRepository, UserRole, init_db
from domain.ingest import import_paths
from domain.repositories import ApiKeyRepository

from . import app

EMAIL, PASSWORD = "ann@example.org", "correct horse"

with TemporaryDirectory() as folder, init_db(f"sqlite:///{folder}/api.db") as db:
    db.create_all()
    with db.get_session(actor="make api") as session:
        sample = OrganizationRepository(session).create(name="Northwind", slug="northwind")
        users, keys = UserRepository(session), ApiKeyRepository(session)
        users.create(organization_id=sample.id, email=EMAIL, full_name="Ann", password=PASSWORD, role=UserRole.OWNER)
        key = keys.issue("make api", UserRole.OWNER).key
    with as_file(files("domain.samples") / "northwind") as notices:
        import_paths(db, [notices], organization_id=sample.id, actor="make api")
    seed = [sys.executable, "-m", "domain", "seed", "--organization", sample.slug, "--database-url", str(db.engine.url)]
    subprocess.run(seed, check=True)  # noqa: S603  # our own command
    print(f"http://127.0.0.1:8000/docs  (at /login: {EMAIL} with {PASSWORD!r}; or by the key below)")
    print(f"curl -H 'X-API-Key: {key}' 'http://127.0.0.1:8000/tenders?text=bridge&order=deadline&limit=2'")
    uvicorn.run(app, log_level="warning")
