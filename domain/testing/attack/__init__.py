"""Attacks on every tenant model and repository, as another organization: three lines in a test of your own.

::

    from domain.testing import attack

    def test_no_leaks(domain_db):
        assert attack(domain_db).leaks == []
"""

from .attacking import attack
from .report import Leak, Report

__all__ = ["Leak", "Report", "attack"]
