"""Inbox: the trace that a notification belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0005_trace"
down_revision = "0004_intake"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is stored already belongs to no trace."""
    op.add_column("inbox_event", sa.Column("trace", sa.Text))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("inbox_event", "trace")
