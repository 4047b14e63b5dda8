"""A throwaway PostgreSQL server for tests and demos: a real one, with no Docker, as root or not."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from sqlalchemy import URL

from ..errors import DomainError
from .binaries import Account, find_binaries, hand_over, program, runnable_binaries, server_account

_SUPERUSER = "postgres"
_HOST = "127.0.0.1"
_PORT_ATTEMPTS = 5
_START_TIMEOUT_SECONDS = 60
_LOG_TAIL_CHARACTERS = 4000
_DEFAULT_SETTINGS: Mapping[str, str] = {
    "listen_addresses": _HOST,
    # No socket: its path may have about 100 characters, and temporary folders can be longer.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # The data need not outlive a crash of the machine.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Not UTC, nor whole hours away from it: a time zone mistake shows.
    "TimeZone": "Asia/Kathmandu",
}


class PostgresServerError(DomainError):
    """The throwaway server did not start, or is not in the state the call needs."""


class PostgresServer:
    """A server in a temporary folder; `settings` are postgresql.conf's and go over the fast defaults.

    Leaving the `with` block, the end of the process and SIGTERM stop it and remove the folder.
    """

    def __init__(self, *, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**_DEFAULT_SETTINGS, **(settings or {})}
        self._folder: Path | None = None
        self._binaries = Path()
        self._account: Account | None = None
        self._port = 0
        self._owner_pid = 0
        self._sigterm = _SigtermCleanup(self.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1. Raises: PostgresServerError where the server is not running."""
        if self._folder is None:
            raise PostgresServerError("the PostgreSQL server is not running: start it first")
        return self._port

    @property
    def log(self) -> str:
        """The server's log since it was started."""
        assert self._folder is not None, "start() first"
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def url(self, *, user: str, database: str, password: str | None = None) -> str:
        """For SQLAlchemy with psycopg2; any password will do. Raises: PostgresServerError."""
        url = URL.create("postgresql+psycopg2", user, password, _HOST, self.port, database)
        return url.render_as_string(hide_password=False)

    def start(self) -> None:
        """Raises: PostgresNotFoundError; PostgresServerError, with the tail of the server's log."""
        if self._folder is not None:
            raise PostgresServerError("the PostgreSQL server is running already")
        self._sigterm = _SigtermCleanup(self.stop)
        self._sigterm.install()
        atexit.register(self.stop)
        with self._sigterm.held_back():
            self._owner_pid = os.getpid()
            self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
            try:
                self._prepare(self._folder)
                self._initialise(self._folder)
                self._launch(self._folder)
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop the server at once and remove its folder; does nothing where it is not running."""
        folder = self._folder
        # A fork inherits the handlers, and must not stop its parent's server.
        if folder is None or os.getpid() != self._owner_pid:
            return
        with self._sigterm.held_back():
            if (folder / "data" / "postmaster.pid").exists():
                self._run(folder, "pg_ctl", "stop", "--pgdata=data", "--mode=immediate")
            shutil.rmtree(folder, ignore_errors=True)
            self._folder = None
            atexit.unregister(self.stop)
            self._sigterm.remove()

    def _prepare(self, folder: Path) -> None:
        self._account = account = server_account()
        if account is not None:
            hand_over(folder, account)
        self._binaries = runnable_binaries(find_binaries(), account=account, copy_to=folder / "programs")

    def _initialise(self, folder: Path) -> None:
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        if not self._run(folder, "initdb", "--pgdata=data", f"--username={_SUPERUSER}", *options):
            raise PostgresServerError(f"initdb failed: {_last_words(folder)}")
        with (folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.writelines(f"{name} = {_quoted(value)}\n" for name, value in self._settings.items())

    def _launch(self, folder: Path) -> None:
        log = folder / "log"
        for _ in range(_PORT_ATTEMPTS):
            self._port = free_port()
            log.unlink(missing_ok=True)
            options = (f"--timeout={_START_TIMEOUT_SECONDS}", f"--options=-p {self._port}")
            if self._run(folder, "pg_ctl", "start", "--pgdata=data", "--log=log", *options):
                return
            # Another program can take the port between our finding it free and the server's binding it.
            if "could not bind" not in _tail(log):
                break
        raise PostgresServerError(f"the PostgreSQL server did not start: {_last_words(folder)}")

    def _run(self, folder: Path, name: str, *arguments: str) -> bool:
        """Run one of PostgreSQL's programs in the folder, which keeps its output. True if it succeeded."""
        account = self._account
        # A file, not a pipe: the server inherits it, and a pipe would stay open as long as it runs.
        with (folder / "output").open("wb") as output:
            ended = subprocess.run(
                [program(self._binaries, name), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                # For messages in English, and because macOS refuses to start the server without it.
                env={**os.environ, "LC_ALL": "C"},
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                check=False,
            )
        return ended.returncode == 0


class _SigtermCleanup:
    """Calls `cleanup` when SIGTERM comes, and then the handler that stood there before."""

    def __init__(self, cleanup: Callable[[], None]) -> None:
        self._cleanup = cleanup
        self._previous: Callable[[int, FrameType | None], object] | int | None = signal.SIG_DFL
        self._is_held_back = False
        self._is_waiting = False

    def install(self) -> None:
        """In the main thread alone, as Python requires; not over an ignored SIGTERM, nor a handler in C."""
        if _in_main_thread() and signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, None):
            self._previous = signal.signal(signal.SIGTERM, self._handle)

    def remove(self) -> None:
        """Put the previous handler back, unless another was put over this one, which still calls it."""
        if _in_main_thread() and signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, self._previous)

    @contextmanager
    def held_back(self) -> Generator[None]:
        """Let a SIGTERM wait for the end of the block: half a server can't be stopped."""
        self._is_held_back = True
        try:
            yield
        finally:
            self._is_held_back = False
            if self._is_waiting:
                self._is_waiting = False
                signal.raise_signal(signal.SIGTERM)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._is_held_back:
            self._is_waiting = True
            return
        self._cleanup()
        if callable(self._previous):
            self._previous(signum, frame)
        else:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        address: tuple[str, int] = probe.getsockname()
        return address[1]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _quoted(value: str) -> str:
    """Quote for postgresql.conf."""
    escaped = value.replace("\\", r"\\").replace("'", "''")
    return f"'{escaped}'"


def _last_words(folder: Path) -> str:
    return f"{_tail(folder / 'output')}\n{_tail(folder / 'log')}".strip()


def _tail(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARACTERS:] if file.exists() else ""
