"""The wheel alone, in an empty virtual environment: the demonstration runs, and so does an application's own table."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNREACHABLE = ("Could not find a version", "No matching distribution", "ConnectionError", "NewConnectionError")
OWN_TABLE = """
from domain import Database, TenantEntity, TenantRepository, Text, Organization, OrganizationRepository

class Boat(TenantEntity, table=True):
    __tablename__ = "boats"
    name: Text

class Boats(TenantRepository[Boat]):
    model = Boat

with Database("sqlite:///boats.db") as db:
    db.create_all()
    with db.get_session() as session:
        acme = OrganizationRepository(session).create(name="Acme", slug="acme")
    with db.get_session(organization_id=acme.id) as session:
        Boats(session).add(Boat(name="Fram"))
    with db.get_session(organization_id=acme.id) as session:
        print([boat.name for boat in Boats(session).find()])
"""


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "80"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The source distribution, and the wheel that is built from it."""
    source, folder = tmp_path_factory.mktemp("source") / "project", tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT, source, ignore=lambda of, names: [n for n in names if of == str(ROOT) and n.startswith(".")])
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, folder=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return sorted(folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_wheel_of_the_source_distribution_works_in_an_empty_environment(
    version: str, distributions: list[Path], tmp_path: Path
) -> None:
    wheel, source = distributions
    assert (wheel.suffix, source.suffix) == (".whl", ".gz")
    interpreter = shutil.which(f"python{version}") or sys.executable
    if run(
        interpreter, "-c", f"import ensurepip, sys; sys.exit({version!r} not in sys.version)", folder=ROOT
    ).returncode:
        pytest.skip(f"there is no Python {version} here")
    done = run(interpreter, "-m", "venv", tmp_path / "venv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    scripts = tmp_path / "venv/bin"
    install = (scripts / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", f"{wheel}[cli]")
    done = run(*install, folder=tmp_path)
    if done.returncode and any(said in done.stderr for said in UNREACHABLE):
        pytest.skip("THE WHEEL IS NOT TESTED: the package index can't be reached")
    assert done.returncode == 0, done.stderr[-2000:]
    done = run(scripts / "domain", "demo", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "boats.py").write_text(OWN_TABLE)
    done = run(scripts / "python", "boats.py", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['Fram']\n", "")
    done = run(scripts / "domain", "db", "upgrade", "--database-url", "sqlite:///fresh.db", folder=tmp_path)
    assert done.returncode == 0, done.stderr
