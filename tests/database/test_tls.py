"""TLS by what the URL says: the server is the one that it names, or nothing is sent to it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from domain import ConfigurationError, Database
from domain.testing import PostgresServer
from domain.testing.binaries import find_binaries, hand_over, program, server_account


def binaries_with_tls() -> Path | None:
    """Programs of a server that was built with TLS; that of the wheel is not."""
    for folder in (find_binaries(), *Path("/usr/lib/postgresql").glob("*/bin")):
        command = [str(program(folder, "pg_config")), "--configure"]
        if "ssl" in subprocess.run(command, capture_output=True, text=True, check=False).stdout:
            return folder
    return None


@pytest.fixture
def certificates() -> Iterator[Path]:
    """A folder with an authority's certificate and a server's, which is for localhost."""
    openssl = shutil.which("openssl")
    if openssl is None or binaries_with_tls() is None:
        pytest.skip("NO OPENSSL OR NO SERVER WITH TLS HERE: TLS is NOT tested; Debian: apt-get install postgresql")
    with TemporaryDirectory() as name:  # pytest's own folders are closed to the server's account
        folder = Path(name)
        folder.chmod(0o755)
        for command in (
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
            "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2",
        ):
            subprocess.run([openssl, *command.split()], check=True, capture_output=True, cwd=folder)
        if account := server_account():
            hand_over(folder / "server.key", account)
            hand_over(folder / "server.pem", account)
        yield folder


@pytest.fixture
def port(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("PG_BIN", str(binaries_with_tls()))
    files = {f"ssl_{name}_file": f"{certificates}/server.{end}" for name, end in (("cert", "pem"), ("key", "key"))}
    with PostgresServer(settings={"ssl": "on", **files}) as server:
        yield server.port


def test_a_server_is_who_the_url_says_by_a_certificate_that_it_trusts(certificates: Path, port: int) -> None:
    trusted = f"sslmode=verify-full&sslrootcert={certificates}/ca.pem"
    url = f"postgresql://postgres:hidden@localhost:{port}/postgres?{trusted}"
    with Database(url) as database, database.engine.connect() as connection:
        used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert connection.exec_driver_sql(used).scalar() is True
    for place in (
        f"127.0.0.1:{port}/postgres?{trusted}",  # another name than the certificate's
        f"localhost:{port}/postgres?sslmode=verify-full&sslrootcert={certificates}/server.csr",
        f"localhost:{port}/postgres?sslmode=verify-full&sslrootcert={certificates}/missing.pem",
    ):
        said = r"no safe line to the server .*sslrootcert"
        with (
            Database(f"postgresql://postgres:hidden@{place}") as database,
            pytest.raises(ConfigurationError, match=said) as refused,
        ):
            database.engine.connect()
        assert "hidden" not in str(refused.value)
