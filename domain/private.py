"""Every private name of a library that the package uses, and why: no public one says the same.

A linter (SLF001) refuses them elsewhere; each is used as it is, so that one that goes raises AttributeError.
"""

from pydantic._internal._model_construction import init_private_attributes

__all__ = [
    "init_private_attributes",  # what a constructor does, for rows that come from the database
]
