"""Prometheus metrics of a ``Database`` (extra ``metrics``): docs/5-operations.md lists them.

Several worker processes behind one port need prometheus_client's multiprocess mode.
"""

from .instrumentation import Instrumentation, instrument

__all__ = ["Instrumentation", "instrument"]
