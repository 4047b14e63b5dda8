"""Units of work under every fault at once: each effect exactly once, or reported as unknown."""

from domain import Database
from domain.testing import Cluster

from .stress import stress


def test_every_effect_is_there_once_or_its_outcome_said_to_be_unknown(
    domain_cluster: Cluster, domain_postgresql: Database
) -> None:
    result = stress(domain_cluster, domain_postgresql, units=150, threads=6, seed=20261125)
    print(result)
    assert result.wrong == []
    assert len(result.ledger.stored) > 75, result
    assert result.ledger.unknown, result
    assert result.ledger.attempts > 150, result
