"""Units of work under every fault at once: each effect exactly once, or reported as unknown."""

import pytest

from domain import Database
from domain.testing import Cluster

from .stress import crashing, stress

HANGS_SECONDS = 90


def test_every_effect_is_there_once_or_its_outcome_said_to_be_unknown(
    domain_cluster: Cluster, domain_postgresql: Database
) -> None:
    result = stress(domain_cluster, domain_postgresql, units=150, threads=6, seed=20261125)
    print(result)
    assert result.wrong == []
    assert len(result.ledger.stored) > 75, result
    assert result.ledger.unknown, result
    assert result.ledger.attempts > 150, result


def test_what_sixteen_threads_were_told_is_so_after_crashes_and_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)  # a server of our own is to crash
    result = crashing(units=480, threads=16, seed=20261128, crashes=3)
    print(result)
    assert result.wrong == []
    assert result.faults.done["crashes of the server"] == 3, result
    assert len(result.ledger.stored) > 240, result
    assert result.ledger.longest_seconds < HANGS_SECONDS, result
    if not result.faults.done["full disks"]:
        pytest.skip("NO SMALL DISK HERE (mount is refused): a full disk is NOT tested")
    assert result.faults.seen["refusals for a full disk"], result
