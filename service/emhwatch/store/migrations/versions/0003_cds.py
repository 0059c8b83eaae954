"""CDS Hooks: cards shown, feedback, overrides, ids of tokens seen."""

import sqlalchemy as sa
from alembic import op

revision = "0003_cds"
down_revision = "0002_publish"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "cds_card",
        sa.Column("id", _KEY, sa.Identity(), nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("hook", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("user", sa.Text),
        sa.Column("encounter", sa.Text),
        sa.Column("mass_key", sa.Text, nullable=False),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("order", sa.Text),
        sa.Column("report", sa.Text),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("suggestions", sa.Text, nullable=False),
        sa.Column("shown_on", sa.Text, nullable=False),
        sa.Column("shown", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cds_card"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cds_card_uuid", "cds_card", ["uuid"])
    op.create_index("ix_cds_card_patient", "cds_card", ["server", "patient"])
    op.create_index("ix_cds_card_shown", "cds_card", ["shown"])
    op.create_table(
        "cds_feedback",
        sa.Column("id", _KEY, sa.Identity(), nullable=False),
        sa.Column("card_uuid", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("accepted", sa.Text, nullable=False),
        sa.Column("reason_system", sa.Text),
        sa.Column("reason_code", sa.Text),
        sa.Column("comment", sa.Text),
        sa.Column("outcome_time", sa.Text, nullable=False),
        sa.Column("known", sa.Boolean, nullable=False),
        sa.Column("repeated", sa.Boolean, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cds_feedback"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cds_feedback_card_uuid", "cds_feedback", ["card_uuid"])
    op.create_index("ix_cds_feedback_received", "cds_feedback", ["received"])
    op.create_table(
        "cds_token",
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("jti", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("client", "jti", name="pk_cds_token"),
    )
    op.create_index("ix_cds_token_expires", "cds_token", ["expires"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("cds_token", "cds_feedback", "cds_card"):
        op.drop_table(table)
