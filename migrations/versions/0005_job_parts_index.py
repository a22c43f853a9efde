"""The index of job parts, built beside running services: outside the transaction, and without stopping writes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IS_PART = sa.text("parent_id IS NOT NULL")


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        # A build that was interrupted leaves an index that is not used.
        op.drop_index("ix_jobs_parts", "jobs", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_jobs_parts", "jobs", ["parent_id", "part_index"], unique=True,
            postgresql_where=IS_PART, sqlite_where=IS_PART, postgresql_concurrently=True,
        )  # fmt: skip


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_jobs_parts", "jobs")
