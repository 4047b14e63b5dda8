"""Rows on their way from one database to another."""

from .loading import Loader, loading

__all__ = ["Loader", "loading"]
