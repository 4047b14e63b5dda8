"""A throwaway PgBouncer in transaction mode, before the tests' PostgreSQL. Debian: ``apt-get install pgbouncer``."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from domain.testing.binaries import hand_over, server_account
from domain.testing.postgres import free_port

SERVER_CONNECTIONS = 3
_START_SECONDS = 10.0
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin")


def find_pgbouncer() -> str | None:
    """The program, or None where there is none."""
    return shutil.which("pgbouncer") or next(
        (found for folder in _FOLDERS if (found := shutil.which("pgbouncer", path=folder))), None
    )


@contextmanager
def pgbouncer(program: str, server: URL, *, connections: int = SERVER_CONNECTIONS) -> Generator[URL]:
    """Run it for one login of one database; the URL that goes through it. Never as root, which it refuses."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    port = free_port()
    try:
        _configure(folder, server, port, connections)
        if account is not None:
            hand_over(folder, account)
        process = subprocess.Popen(
            [program, str(folder / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        try:
            _await(process, port, folder / "log")
            yield server.set(host="127.0.0.1", port=port)
        finally:
            process.terminate()
            process.wait(_START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, server: URL, port: int, connections: int) -> None:
    (folder / "users").write_text(f'"{server.username}" "{server.password}"\n', encoding="utf-8")
    lines = (
        "[databases]",
        f"{server.database} = host={server.host} port={server.port or 5432}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "pool_mode = transaction",
        f"default_pool_size = {connections}",
        f"max_db_connections = {connections}",
        "auth_type = trust",
        f"auth_file = {folder / 'users'}",
        f"logfile = {folder / 'log'}",
    )
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until it listens."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    raise RuntimeError(f"PgBouncer did not start: {words[-2000:]}")
