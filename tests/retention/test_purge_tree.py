"""Purge of a table that refers to itself: a tree goes leaf by leaf, whatever the size of a batch."""

from typing import Any

import pytest

from domain import Database, Organization, TenantRepository
from domain.retention import PurgeCount, plan_purge, purge
from tests.retention.kinds import Branch
from tests.retention.rows import LONG_AGO, left, put, same_deletion, without_trail

TABLE = str(Branch.__tablename__)


class BranchRepository(TenantRepository[Branch]):
    model = Branch


def branch(database: Database, parent_id: int | None = None, organization_id: int = 1, **deleted: Any) -> int:
    number: int = put(database, Branch, organization_id=organization_id, parent_id=parent_id, **deleted)["id"]
    return number


def put_tree(database: Database, *, deleted_days_ago: float) -> list[int]:
    """A trunk of four branches, each with a twig of its own, deleted as one."""
    deleted: dict[str, Any] = {"deleted_days_ago": deleted_days_ago, "deletion_id": same_deletion()}
    ids: list[int] = []
    parent: int | None = None
    for _ in range(4):
        parent = branch(database, parent, **deleted)
        ids += [parent, branch(database, parent, **deleted)]
    return ids


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_a_tree_goes_as_a_whole_and_others_stay(domain_db: Database, batch_size: int) -> None:
    old = put_tree(domain_db, deleted_days_ago=LONG_AGO)
    kept = [*put_tree(domain_db, deleted_days_ago=5), branch(domain_db)]
    plan = plan_purge(domain_db, actor="ann")
    done = purge(domain_db, actor="ann", batch_size=batch_size)
    assert done.counts == plan.counts == (PurgeCount(1, TABLE, len(old)),)
    assert left(domain_db)[TABLE] == set(kept)


def test_what_a_live_branch_grows_from_stays(domain_db: Database) -> None:
    root = branch(domain_db, deleted_days_ago=LONG_AGO)
    middle = branch(domain_db, root, deleted_days_ago=LONG_AGO)
    live = branch(domain_db, middle)
    branch(domain_db, middle, deleted_days_ago=LONG_AGO)
    assert purge(domain_db, actor="ann").counts == (PurgeCount(1, TABLE, 1),)
    assert left(domain_db)[TABLE] == {root, middle, live}


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_an_organization_goes_with_its_trees(domain_db: Database, batch_size: int) -> None:
    gone = put(domain_db, Organization, deleted_days_ago=LONG_AGO)["id"]
    root = branch(domain_db, organization_id=gone)
    branch(domain_db, branch(domain_db, root, organization_id=gone), organization_id=gone)
    other = branch(domain_db, branch(domain_db))
    done = purge(domain_db, actor="ann", batch_size=batch_size)
    assert without_trail(done.counts) == [PurgeCount(gone, TABLE, 3), PurgeCount(gone, "organizations", 1)]
    assert other in left(domain_db)[TABLE]
    assert len(left(domain_db)[TABLE]) == 2


def test_a_tree_that_is_deleted_by_its_repository_goes_after_its_days(domain_db: Database) -> None:
    root = branch(domain_db)
    leaf = branch(domain_db, branch(domain_db, root))
    with domain_db.get_session(organization_id=1) as session:
        assert BranchRepository(session).soft_delete(root)
    assert purge(domain_db, actor="ann", older_than_days=1).rows == 0
    with domain_db.get_session(organization_id=1) as session:
        assert BranchRepository(session).restore(root)
        assert BranchRepository(session).get(leaf) is not None
        assert BranchRepository(session).soft_delete(root)
    assert purge(domain_db, actor="ann", older_than_days=0).counts == (PurgeCount(1, TABLE, 3),)
    assert left(domain_db)[TABLE] == set()


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_branches_in_a_circle_go_together_and_one_that_is_needed_stays(domain_db: Database, batch_size: int) -> None:
    first, alone = branch(domain_db), branch(domain_db)
    twig = branch(domain_db, branch(domain_db, first))
    branch(domain_db, twig)
    with domain_db.get_session(organization_id=1) as session:
        branches = BranchRepository(session)
        branches.require(first).parent_id, branches.require(alone).parent_id = twig, alone
        session.flush()
        assert branches.soft_delete(first)
        assert branches.soft_delete(alone)
    root = branch(domain_db, deleted_days_ago=LONG_AGO)
    middle = branch(domain_db, root, deleted_days_ago=LONG_AGO)
    live = branch(domain_db, branch(domain_db, middle, deleted_days_ago=LONG_AGO))
    plan = plan_purge(domain_db, actor="ann", older_than_days=0)
    done = purge(domain_db, actor="ann", older_than_days=0, batch_size=batch_size)
    assert done.counts == (PurgeCount(1, TABLE, 5),)
    assert left(domain_db)[TABLE] > {root, middle, live}
    assert len(left(domain_db)[TABLE]) == 4
    assert plan.rows >= done.rows
    with domain_db.get_session(organization_id=1) as session:
        assert BranchRepository(session).require(middle, include_deleted=True).parent_id == root
