"""What a server of the tests runs: the example application over DATABASE_URL."""

from domain import init_db
from examples.api import app as app

init_db()
