"""Alembic's entry point for the workshop's own tables."""

from workshop.models import metadata

from domain.migrations import run_env

run_env(metadata, version_table="workshop_version")
