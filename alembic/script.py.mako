"""${message}

Revision: ${up_revision}
Revises: ${down_revision or "nothing" | comma,n}
Created: ${create_date}
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
% for line in sorted((imports or "").splitlines(), key=lambda line: line.startswith("from domain")):
${"\n" if line.startswith("from domain") else ""}${line}
% endfor

revision: str = ${repr(up_revision)}
down_revision: str | Sequence[str] | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
