"""Large files are read in a process of their own, which may end too early."""

import sys

import pytest
from pydantic import JsonValue

from domain.ingest import ImportStoppedError, ReadingStoppedError
from tests.ingest.importer import Importer, Json, release

FIRST_BATCH_ONLY = """
import os
from domain.ingest import batches, reading_ahead
batches.RELEASES = 2
send = reading_ahead._send
def send_once(batch):
    send(batch)
    os._exit(3)
reading_ahead._send = send_once
reading_ahead.main()
"""
INTERRUPTED = """
import os, signal
from domain.ingest import reading_ahead
send = reading_ahead._send
def interrupt_and_send(batch):
    os.kill(os.getpid(), signal.SIGINT)
    send(batch)
reading_ahead._send = interrupt_and_send
reading_ahead.main()
"""
HALF_A_BATCH = "import os; os.write(1, bytes([128, 5, 149])); os._exit(4)"


def releases() -> list[Json]:
    return [release(f"ocds-{number}", title=f"Bridge {number}") for number in range(5)]


@pytest.fixture(autouse=True)
def _every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.reading_ahead.LARGE", 0)


def test_a_large_file_goes_in_as_a_small_one_does(
    importer: Importer, other: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    news, bad = release("ocds-1", date="2026-05-02", title="Two bridges"), release("")
    lines: list[JsonValue | bytes] = [*releases(), b"no JSON", news, bad]
    ahead = importer.paths([importer.file(*lines, name="notices.jsonl")])
    monkeypatch.setattr("domain.ingest.reading_ahead.LARGE", 10**9)
    at_once = other.paths([other.file(*lines, name="notices.jsonl")])
    assert (ahead.created, ahead.releases, len(ahead.refused)) == (5, 6, 2)
    assert [refusal.reason for refusal in ahead.refused] == [refusal.reason for refusal in at_once.refused]
    assert importer.content() == other.content()


@pytest.mark.parametrize(("command", "code", "kept"), [(FIRST_BATCH_ONLY, 3, 2), (HALF_A_BATCH, 4, 0)])
def test_reading_that_breaks_off_is_told_and_the_next_run_completes_it(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, command: str, code: int, kept: int
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("domain.ingest.reading_ahead._COMMAND", (sys.executable, "-c", command))
        with pytest.raises(ReadingStoppedError, match=f"its process ended with {code}$"):
            importer.run(*releases())
    assert len(importer.tenders()) == kept
    assert importer.run(*releases()).created == 5 - kept
    assert len(importer.notices()) == 5


def test_ctrl_c_is_left_to_the_importing_process(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.ingest.reading_ahead._COMMAND", (sys.executable, "-c", INTERRUPTED))
    assert importer.run(*releases()).created == 5
    assert len(importer.tenders()) == 5


def test_a_strict_import_that_stops_ends_the_process_too(importer: Importer) -> None:
    with pytest.raises(ImportStoppedError, match="not JSON"):
        importer.run(*releases(), b"no JSON", strict=True)
    assert importer.tenders() == []
