"""Keys have scopes, ends and a last use; windows count requests"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EVERY_SCOPE = '["read", "write", "render", "delete"]'


def upgrade() -> None:
    """Apply. Keys that are there already may do what they could."""
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scopes", sa.JSON(), nullable=False, server_default=EVERY_SCOPE))
        for name in ("expires_at", "revoked_at", "last_used_at"):
            batch_op.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "rate_windows",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_rate_windows")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("rate_windows")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        for name in ("last_used_at", "revoked_at", "expires_at", "scopes"):
            batch_op.drop_column(name)
