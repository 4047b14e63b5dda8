"""A purge that is killed and started again; ``benchmarks/kill_purge.py`` does it fifty times."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_purge.py"


def test_after_kills_nothing_is_lost_and_nothing_is_double() -> None:
    command = [sys.executable, str(SCRIPT), "--kills", "3", "--tenders", "60", "--engine", "sqlite"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, nothing double" in done.stdout
