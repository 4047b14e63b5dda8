"""``domain import``."""

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from domain import Database, OrganizationRepository, TenderRepository

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def notices(tmp_path: Path) -> Path:
    """A folder with two good releases, and a file that is something else."""
    folder = tmp_path / "notices"
    folder.mkdir()
    _write(folder / "good.json", [_release(1), _release(2)])
    (folder / "notes.txt").write_text("nothing to import")
    return folder


def test_notices_become_tenders_of_the_organization_named(run: Run, exported: Database, notices: Path) -> None:
    done = run("import", notices, "--organization", "first")
    assert (done.returncode, done.stderr) == (0, "")
    assert _figures(done.stdout) == {"created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "refused": 0}
    assert "2 releases in 1 file; 1 file of another kind passed over" in done.stdout
    assert _titles(exported, 1) == ["Bridge 1", "Bridge 2"]
    assert _titles(exported, 2) == []


def test_a_second_import_says_unchanged(run: Run, exported: Database, notices: Path) -> None:
    run("import", notices, "--organization", "first")
    done = run("import", notices, "--organization", "first")
    assert done.returncode == 0
    assert _figures(done.stdout) == {"created": 0, "updated": 0, "unchanged": 2, "skipped": 0, "refused": 0}


def test_a_tender_that_a_person_deleted_stays_deleted(run: Run, exported: Database, notices: Path) -> None:
    run("import", notices, "--organization", "first")
    with exported.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        gone = tenders.get_by_external_id("ocds-test-1")
        assert gone is not None
        tenders.soft_delete(gone.id)
    done = run("import", notices, "--organization", "first")
    assert done.returncode == 0
    assert _figures(done.stdout)["skipped"] == 1
    assert "deleted here by a person" in done.stdout
    assert _titles(exported, 1) == ["Bridge 2"]


def test_what_is_refused_is_named_with_place_and_reason_and_exit_1(run: Run, exported: Database, notices: Path) -> None:
    _write(notices / "mixed.json", [_release(3), {"tag": ["tender"], "tender": {"title": "of nobody"}}])
    done = run("import", notices, "--organization", "first")
    assert done.returncode == 1
    assert _figures(done.stdout)["refused"] == 1
    (line,) = [line for line in done.stdout.splitlines() if "mixed.json releases[1]: " in line]
    assert "ocid" in line
    assert _titles(exported, 1) == ["Bridge 1", "Bridge 2", "Bridge 3"]


def test_json_is_one_document_with_the_same_exit_code(run: Run, exported: Database, notices: Path) -> None:
    command = ("import", notices, "--organization", "first", "--json")
    done = run(*command)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    (passed_over,) = figures.pop("passed_over")
    assert passed_over["place"].endswith("notes.txt")
    assert figures == {
        "organization": "first",
        "stopped": False,
        "remarks": [],
        "files": 1,
        "releases": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "refused": [],
    }
    _write(notices / "bad.json", [{"tag": ["tender"]} for _ in range(25)])
    done = run(*command)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["unchanged"] == 2
    refused = json.loads(done.stdout)["refused"]
    assert len(refused) == 25
    assert refused[24]["place"].endswith("bad.json releases[24]")
    assert "ocid" in refused[24]["reason"]


def test_json_of_a_strict_import_says_that_it_stopped(run: Run, exported: Database, notices: Path) -> None:
    _write(notices / "bad.json", [{"tag": ["tender"]}])
    done = run("import", notices, "--organization", "first", "--strict", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert (document["stopped"], document["created"], len(document["refused"])) == (True, 0, 1)
    assert _titles(exported, 1) == []


def test_20_refusals_are_listed_and_all_of_them_on_demand(run: Run, migrated: None, notices: Path) -> None:
    _write(notices / "bad.json", [{"tag": ["tender"]} for _ in range(25)])
    command = ("import", notices, "--organization", "acme", "--create")
    short, long = run(*command), run(*command, "--verbose")
    assert short.returncode == long.returncode == 1
    assert short.stdout.count("bad.json releases[") == 20
    assert "and 5 more; --verbose lists them all" in short.stdout
    assert long.stdout.count("bad.json releases[") == 25
    assert "more" not in long.stdout


def test_a_strict_import_stops_with_exit_1_and_leaves_nothing(run: Run, exported: Database, notices: Path) -> None:
    _write(notices / "bad.json", [{"tag": ["tender"]}])
    done = run("import", notices, "--organization", "first", "--strict")
    assert done.returncode == 1
    assert "bad.json releases[0]: " in done.stderr
    assert "nothing was imported" in done.stderr
    assert _titles(exported, 1) == []


def test_an_unknown_organization_is_exit_2_and_says_how_to_create_it(run: Run, migrated: None, notices: Path) -> None:
    done = run("import", notices, "--organization", "acme")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "domain: there is no organization 'acme'; --create creates it"


def test_the_organization_is_created_on_demand_once(run: Run, exported: Database, notices: Path) -> None:
    for _ in range(2):
        assert run("import", notices, "--organization", "big-acme", "--create").returncode == 0
    with exported.get_session() as session:
        created = OrganizationRepository(session).get_by_slug("big-acme")
    assert created is not None
    assert created.name == "Big Acme"
    assert len(_titles(exported, created.id)) == 2


def test_a_path_that_is_not_there_is_a_usage_error(run: Run, migrated: None) -> None:
    done = run("import", "nowhere.json", "--organization", "acme")
    assert done.returncode == 2
    assert "nowhere.json" in done.stderr


def test_a_folder_with_nothing_to_read_is_exit_1_and_verbose_names_what_was_passed_over(
    run: Run, exported: Database, notices: Path
) -> None:
    (notices / "good.json").unlink()
    for options in ((), ("--strict",)):
        done = run("import", notices, "--organization", "first", *options)
        assert done.returncode == 1
        assert "the folder holds no file that can be read" in done.stdout + done.stderr
        assert "notes.txt" not in done.stdout
    done = run("import", notices, "--organization", "first", "--verbose")
    assert "notes.txt: skipped: not a .json, .jsonl, .ndjson or .gz file" in done.stdout


def test_what_was_left_out_is_counted_and_named(run: Run, exported: Database, notices: Path) -> None:
    _write(notices / "good.json", [{**_release(number), "date": "01/05/2024"} for number in range(3)])
    done = run("import", notices, "--organization", "first")
    assert done.returncode == 0
    assert "3 times, first at " in done.stdout
    assert "good.json releases[0]: date was left out: 01/05/2024" in done.stdout
    (remark,) = json.loads(run("import", notices, "--organization", "first", "--json").stdout)["remarks"]
    assert (remark["reason"], remark["value"], remark["count"]) == ("date was left out", "01/05/2024", 3)


def test_standard_input_is_imported(
    run: Run, exported: Database, notices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_pipe(data: bytes, *options: str) -> CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return run("import", "-", "--organization", "first", *options)

    done = from_pipe(gzip.compress((notices / "good.json").read_bytes()), "--json")
    assert (done.returncode, json.loads(done.stdout)["created"]) == (0, 2)
    done = from_pipe(b'{"releases": [')
    assert done.returncode == 1
    assert "standard input: incomplete JSON" in done.stdout
    done = from_pipe(b'{"releases": []}', "-")
    assert (done.returncode, done.stderr) == (1, "")
    assert "standard input: it was read already" in done.stdout


def test_control_characters_in_a_name_do_not_reach_the_terminal(run: Run, migrated: None, notices: Path) -> None:
    (notices / "odd\x1b[31m.json").write_text("{")
    done = run("import", notices, "--organization", "acme", "--create")
    assert done.returncode == 1
    assert "odd" in done.stdout
    assert "\x1b" not in done.stdout


def test_no_progress_and_no_escape_codes_where_nobody_watches(run: Run, migrated: None, notices: Path) -> None:
    done = run("import", notices, "--organization", "acme", "--create")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


@pytest.fixture
def migrated(run: Run) -> None:
    """The default database, in this folder."""
    assert run("db", "upgrade").returncode == 0


def _release(number: int) -> dict[str, object]:
    return {
        "ocid": f"ocds-test-{number}",
        "id": f"r-{number}",
        "date": "2026-05-01T12:00:00Z",
        "tag": ["tender"],
        "tender": {"title": f"Bridge {number}"},
    }


def _write(file: Path, releases: list[dict[str, object]]) -> None:
    file.write_text(json.dumps({"version": "1.1", "releases": releases}))


def _figures(output: str) -> dict[str, int]:
    known = ("created", "updated", "unchanged", "skipped", "refused")
    words = [line.split() for line in output.splitlines()]
    return {line[0]: int(line[1]) for line in words if line and line[0] in known}


def _titles(db: Database, organization_id: int) -> list[str]:
    with db.get_session(organization_id=organization_id) as session:
        return sorted(tender.title for tender in TenderRepository(session).find())
