"""Every contender answers correctly, or nothing is timed."""

from typing import Any

from .filling import content
from .operations import DEPTH, PAGE
from .stage import Stage

ORGANIZATION, STRANGER = 3, 4


def check(stage: Stage) -> None:
    """Raises AssertionError where an answer differs from what the database holds."""
    contender = stage.contender
    checks = [_bulk] if contender.bulk_only else [_reads, _single_writes, _mixed, _bulk]
    for one in checks:
        try:
            one(stage)
        except AssertionError as error:
            raise AssertionError(f"{contender.name}, {one.__name__}: {error}") from error
        finally:
            stage.restore()
    stage.clean()


def _reads(stage: Stage) -> None:
    contender = stage.contender
    live = stage_rows(
        stage,
        "SELECT organization_id, id, title FROM tenders WHERE organization_id = %s"
        " AND NOT is_deleted ORDER BY created_at DESC, id DESC",
        ORGANIZATION,
    )
    assert contender.facts(contender.get(ORGANIZATION, live[7][1])) == live[7], "get"
    assert facts(stage, contender.list_newest(ORGANIZATION)) == live[:PAGE], "newest"
    assert facts(stage, contender.page_by_offset(ORGANIZATION)) == live[DEPTH : DEPTH + PAGE], "offset"
    page = contender.page_by_keyset(ORGANIZATION, contender.cursor(ORGANIZATION))
    assert facts(stage, page) == live[DEPTH : DEPTH + PAGE], "keyset"
    [[pending]] = stage_rows(
        stage, "SELECT count(*) FROM tenders WHERE organization_id = %s AND status = 'pending'", ORGANIZATION
    )
    assert contender.count(ORGANIZATION, "pending") == pending > 0, "count"


def _single_writes(stage: Stage) -> None:
    contender = stage.contender
    [[mine]] = stage_rows(stage, "SELECT min(id) FROM tenders WHERE organization_id = %s", ORGANIZATION)
    row = (
        "SELECT status, version, is_deleted, deletion_id IS NOT NULL FROM tenders"
        " WHERE organization_id = %s AND id = %s"
    )
    [[_, version, _, _]] = stage_rows(stage, row, ORGANIZATION, mine)
    assert not contender.update_status(STRANGER, mine, "complete"), "another organization's tender"
    assert contender.update_status(ORGANIZATION, mine, "rated_low"), "update"
    assert stage_rows(stage, row, ORGANIZATION, mine) == [("rated_low", version + 1, False, False)], "updated"
    assert not contender.soft_delete(STRANGER, mine), "another organization's tender"
    assert contender.soft_delete(ORGANIZATION, mine), "delete"
    assert stage_rows(stage, row, ORGANIZATION, mine) == [("rated_low", version + 2, True, True)], "deleted"
    assert mine not in [i for _, i, _ in facts(stage, contender.list_newest(ORGANIZATION, DEPTH))], "listed"
    created = contender.facts(contender.create(ORGANIZATION, content("check")))
    assert created[0] == ORGANIZATION
    _assert_stored(stage, ORGANIZATION, created[1], "check")


def _mixed(stage: Stage) -> None:
    usage = "SELECT monthly_analysis_count FROM organizations WHERE id = %s"
    [[before]] = stage_rows(stage, usage, ORGANIZATION)
    rows = facts(stage, stage.contender.mixed(f"org-{ORGANIZATION}", content("mixed")))
    assert len(rows) == PAGE
    assert {organization for organization, _, _ in rows} == {ORGANIZATION}
    _assert_stored(stage, ORGANIZATION, rows[0][1], "mixed")
    assert stage_rows(stage, usage, ORGANIZATION) == [(before + 1,)], "metered once"


def _bulk(stage: Stage) -> None:
    organization, contender, bulk = stage.bulk_organization, stage.contender, stage.bulk
    count = (
        "SELECT count(*), count(DISTINCT external_id), min(title) FROM tenders"
        " WHERE organization_id = %s AND external_id LIKE 'new-%%'"
    )
    contender.create_many(organization, [content(n) for n in range(bulk)])
    assert stage_rows(stage, count, organization) == [(bulk, bulk, "New tender 0")], "created"
    contender.upsert_many(organization, [content(n, "Newer") for n in range(bulk // 2, bulk + bulk // 2)])
    stored = bulk + bulk // 2
    assert stage_rows(stage, count, organization) == [(stored, stored, "New tender 0")], "upserted"
    newer = count + " AND title LIKE 'Newer%%'"
    assert stage_rows(stage, newer, organization)[0][0] == bulk, "changed"
    [[last]] = stage_rows(
        stage, "SELECT id FROM tenders WHERE organization_id = %s AND external_id = %s", organization, f"new-{bulk}"
    )
    _assert_stored(stage, organization, last, bulk, "Newer")


def _assert_stored(stage: Stage, organization: int, tender_id: int, number: Any, title: str = "New tender") -> None:
    expected = content(number, title)
    found = stage_rows(
        stage,
        f"SELECT {', '.join(expected)} FROM tenders WHERE organization_id = %s AND id = %s",
        organization,
        tender_id,
    )
    assert [dict(zip(expected, row, strict=True)) for row in found] == [expected], f"stored: {found}"


def facts(stage: Stage, rows: Any) -> list[Any]:
    return [stage.contender.facts(row) for row in rows]


def stage_rows(stage: Stage, statement: str, *values: object) -> list[Any]:
    stage.admin.execute(statement, values)
    return stage.admin.fetchall()
