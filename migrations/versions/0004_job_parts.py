"""Jobs fan out into parts: columns with constant defaults, which neither rewrite the table nor lock it for long"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("jobs", sa.Column("parent_id", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("part_index", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("weight", sa.Double(), nullable=False, server_default="1"))
    op.add_column("jobs", sa.Column("parts_total", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo."""
    for name in ("parts_total", "weight", "part_index", "parent_id"):
        op.drop_column("jobs", name)
