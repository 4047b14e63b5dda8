"""Reading in a process of its own, while this one stores: both are bound by Python, and a thread would share its lock.

A ``subprocess``, since multiprocessing would run the importing program's main module again.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import DomainError
from .batches import Batch, batches
from .files import files_at

LARGE = 10_000_000
"""Bytes from which it pays: starting a process takes about half a second."""

_COMMAND = (sys.executable, "-P", "-c", "from domain.ingest.reading_ahead import main; main()")


class ReadingStoppedError(DomainError):
    """The process that reads the files broke off. What was stored before stays; the next run completes it."""


def read_batches(paths: Sequence[Path]) -> Generator[Batch]:
    """Same as ``batches``, but reads large files ahead.

    Raises:
        ReadingStoppedError: the process that reads ended too early, as when it is killed.
    """
    is_large = sys.executable and _size_of(paths) >= LARGE
    yield from _read_ahead(paths) if is_large else batches(paths)


def _size_of(paths: Sequence[Path]) -> int:
    """Bytes of all the files; 0 where one of them is a pipe, or can't be read."""
    if not all(os.path.isfile(path) or os.path.isdir(path) for path in paths):
        return 0
    found = (file for path in paths for file in files_at(path))
    return sum(os.path.getsize(file) for file in found if isinstance(file, Path) and os.path.isfile(file))


def _read_ahead(paths: Sequence[Path]) -> Generator[Batch]:
    known = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    process = subprocess.Popen(  # noqa: S603  # all our own
        _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": known}
    )
    with process, ThreadPoolExecutor(1, thread_name_prefix="domain-import") as thread:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(pickle.dumps(list(paths)))
            process.stdin.close()
            following = thread.submit(pickle.load, process.stdout)  # our own process wrote it
            while (batch := following.result()) is not None:
                following = thread.submit(pickle.load, process.stdout)
                yield batch
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            process.kill()
            raise ReadingStoppedError(f"reading broke off: its process ended with {process.wait()}") from error
        finally:
            process.kill()  # before the thread is waited for, which may be waiting for a batch


def main() -> None:
    """Pickle the batches to stdout, and None after the last."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the importing process ends this one
    paths = pickle.load(sys.stdin.buffer)  # noqa: S301  # the importing process wrote it
    try:
        for batch in batches(paths):
            _send(batch)
        _send(None)
    except BrokenPipeError:  # the importing process is gone
        os._exit(1)


def _send(batch: Batch | None) -> None:
    pickle.dump(batch, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.flush()
