"""A signal can come at any moment, also within a write of what a migration says."""

import io
import logging
import signal

import pytest
from typing_extensions import Buffer

from domain.cli.deploying import shown_and_stoppable


class _Signalling(io.RawIOBase):
    """Standard error that a signal reaches in the middle of its first write."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        if not self.written:
            signal.raise_signal(signal.SIGTERM)
        self.written += bytes(data)
        return len(bytes(data))


def test_a_signal_within_a_write_to_standard_error_stops_the_run_and_cuts_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    signalling = _Signalling()
    stderr = io.TextIOWrapper(io.BufferedWriter(signalling), write_through=True)
    monkeypatch.setattr("sys.stderr", stderr)
    with shown_and_stoppable() as stop:
        logging.getLogger("domain.migrations").info("0001 initial schema")
        assert stop.wait(10)
    assert signalling.written == b"0001 initial schema\n"
    assert capfd.readouterr().err == "stopping after this statement\n"
