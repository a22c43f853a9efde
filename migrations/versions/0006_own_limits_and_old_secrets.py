"""Tenants have limits of their own; a webhook's secret that was changed signs for a while longer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("tenants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("limits", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("webhook_endpoints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("old_secret", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("webhook_endpoints", schema=None) as batch_op:
        batch_op.drop_column("old_secret_until")
        batch_op.drop_column("old_secret")
    with op.batch_alter_table("tenants", schema=None) as batch_op:
        batch_op.drop_column("limits")
