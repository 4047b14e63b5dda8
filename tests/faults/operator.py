"""What an operator of a server lives through: it crashes and is started again, and its disk is full for a while."""

import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text

from domain.testing import Cluster
from domain.testing.binaries import hand_over, program, server_account

_DISK_MEGABYTES = 96


def superuser(cluster: Cluster, database: str) -> URL:
    """The URL of the server's first login, where the cluster has started it."""
    return make_url(cluster.url(database, "postgres"))


class Server:
    """Crashes and starts a server that runs on this machine, on the same port."""

    def __init__(self, url: URL) -> None:
        engine = _engine(url)
        with engine.connect() as connection:
            self._data = Path(connection.execute(text("SHOW data_directory")).scalar_one())
            where = text("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
            self._control = program(Path(connection.execute(where).scalar_one()), "pg_ctl")

    def restart(self) -> None:
        """End every process of it at once, as a crash does, and wait until it has recovered."""
        account = server_account()
        subprocess.run(
            [self._control, "restart", f"--pgdata={self._data.name}", "--mode=immediate", "--log=log"],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._data.parent,  # its options name it from there
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


class Disk:
    """A small disk that a database lies on; its log lies elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def empty(self) -> None:
        """Leave room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(cluster: Cluster, database: str) -> Generator[Disk | None]:
    """Move the database to a small disk of its own; None where this machine lets nobody mount one."""
    with tempfile.TemporaryDirectory() as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m", "tmpfs", name]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            yield None
            return
        try:
            with _tablespace(cluster, database, Path(name)):
                yield Disk(Path(name))
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@contextmanager
def _tablespace(cluster: Cluster, database: str, folder: Path) -> Generator[None]:
    folder.chmod(0o755)
    place = folder / "tablespace"
    place.mkdir()
    if account := server_account():
        hand_over(place, account)
    with _engine(superuser(cluster, "postgres")).connect() as connection:
        connection.exec_driver_sql(f"CREATE TABLESPACE small LOCATION '{place}'")
        connection.exec_driver_sql(f"ALTER DATABASE {database} SET TABLESPACE small")
    yield
    with _engine(superuser(cluster, "postgres")).connect() as connection:
        for statement in (f"DROP DATABASE {database} WITH (FORCE)", "CHECKPOINT", "DROP TABLESPACE small"):
            connection.exec_driver_sql(statement)


def _engine(url: URL) -> Engine:
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
