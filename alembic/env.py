"""Alembic's entry point. What it does stands in domain.migrations, for applications to use too."""

from domain.migrations.env import run_domain_env

run_domain_env()
