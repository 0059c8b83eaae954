"""Intake: how far the search has come, what Subscriptions told, which process looks after them."""

import sqlalchemy as sa
from alembic import op

revision = "0004_intake"
down_revision = "0003_cds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "intake_watermark",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("resource_type", sa.Text, nullable=False),
        sa.Column("reached", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("server", "resource_type", name="pk_intake_watermark"),
    )
    op.create_table(
        "intake_subscription",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("heard", sa.BigInteger),
        sa.Column("heartbeat", sa.BigInteger),
        sa.Column("number", sa.BigInteger),
        sa.Column("expected", sa.BigInteger),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("behind", sa.BigInteger),
        sa.Column("gaps", sa.Integer, nullable=False),
        sa.Column("missed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("server", "slot", name="pk_intake_subscription"),
    )
    op.create_table(
        "intake_duty",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("server", name="pk_intake_duty"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("intake_duty", "intake_subscription", "intake_watermark"):
        op.drop_table(table)
