"""The inbox: events and lanes."""

import sqlalchemy as sa
from alembic import op

revision = "0001_inbox"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "inbox_event",
        sa.Column("id", _KEY, sa.Identity(), nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("resource_type", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("version_number", sa.BigInteger),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_event"),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("finished IS NULL")
    op.create_index(
        "uq_inbox_event_key",
        "inbox_event",
        ["server", "resource_type", "resource_id", "version"],
        unique=True,
        sqlite_where=sa.text("version <> ''"),
        postgresql_where=sa.text("version <> ''"),
    )
    # Without a version only one change of a resource can wait: it stands for all that happened until it is read.
    unstarted = sa.text("version = '' AND finished IS NULL AND attempts = 0")
    op.create_index(
        "uq_inbox_event_unversioned",
        "inbox_event",
        ["server", "resource_type", "resource_id", "deleted"],
        unique=True,
        sqlite_where=unstarted,
        postgresql_where=unstarted,
    )
    op.create_index(
        "ix_inbox_event_newest",
        "inbox_event",
        ["server", "resource_type", "resource_id", "version_number"],
    )
    op.create_index(
        "ix_inbox_event_lane", "inbox_event", ["lane", "id"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(
        "ix_inbox_event_accepted", "inbox_event", ["accepted"], sqlite_where=waiting, postgresql_where=waiting
    )
    finished = sa.text("finished IS NOT NULL")
    op.create_index(
        "ix_inbox_event_finished",
        "inbox_event",
        ["state", "finished"],
        sqlite_where=finished,
        postgresql_where=finished,
    )
    op.create_table(
        "inbox_lane",
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.BigInteger),
        sa.Column("owner", sa.Text),
        sa.Column("touched", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("lane", name="pk_inbox_lane"),
    )
    due = sa.text("due IS NOT NULL")
    op.create_index("ix_inbox_lane_due", "inbox_lane", ["due"], sqlite_where=due, postgresql_where=due)


def downgrade() -> None:
    """Drop the tables."""
    for table in ("inbox_lane", "inbox_event"):
        op.drop_table(table)
