"""``python -m domain.testing.migrations``: do the migrations make what the models say, on both engines?"""

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from ..database import Database
from ..migrations import check, downgrade, upgrade
from .cluster import Cluster


def differences(database: Database) -> list[str]:
    """What sets the database apart from the models after upgrade, downgrade and upgrade again."""
    engine = database.migration_engine
    upgrade(engine)
    downgrade(engine, "base")
    upgrade(engine)
    return check(engine)


def main() -> int:
    """0 where nothing differs."""
    found: list[str] = []
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        cluster = stack.enter_context(Cluster())
        name = cluster.create()
        stack.callback(cluster.drop, name)
        for database in (Database(f"sqlite:///{Path(folder, 'check.db')}"), cluster.database(name)):
            with database:
                kind = "SQLite" if database.is_sqlite else "PostgreSQL"
                found += [f"{kind}: {line}" for line in differences(database)]
    print("\n".join(found) or "migrations: upgrade, downgrade and check are clean on SQLite and PostgreSQL")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
