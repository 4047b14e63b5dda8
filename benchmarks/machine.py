"""What it was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from psycopg2 import extensions

PACKAGES = (
    "procurement-domain",
    "SQLAlchemy",
    "sqlmodel",
    "pydantic",
    "psycopg2-binary",
    "advanced-alchemy",
    "Django",
    "fastapi",
    "uvicorn",
)


def machine(cursor: extensions.cursor) -> dict[str, str]:
    cursor.execute("SELECT current_setting('server_version')")
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "PostgreSQL": str(cursor.fetchone()[0]),
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> str:
    if not hasattr(os, "sysconf"):
        return "unknown"
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
