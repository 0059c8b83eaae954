"""What was written back: ledger, alerts, cards of the event loop, audit on its way."""

import sqlalchemy as sa
from alembic import op

revision = "0002_publish"
down_revision = "0001_inbox"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "published_set",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("focus", sa.Text, nullable=False),
        sa.Column("patient", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("version_number", sa.BigInteger),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("evaluation", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("card", sa.Text),
        sa.Column("written", sa.BigInteger),
        sa.Column("lease", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("server", "focus", name="pk_published_set"),
    )
    op.create_index("ix_published_set_patient", "published_set", ["server", "patient"])
    _partial_index("ix_published_set_open", "published_set", "lease_until", "state = 'sent'")
    op.create_table(
        "published_resource",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("focus", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("evaluation", sa.Text),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("server", "identifier", name="pk_published_resource"),
    )
    op.create_index("ix_published_resource_focus", "published_resource", ["server", "focus"])
    op.create_table(
        "published_device",
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("server", "identifier", name="pk_published_device"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("focus", sa.Text, nullable=False),
        sa.Column("patient", sa.Text),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    _partial_index("ix_alert_due", "alert", "due", "state = 'pending'")
    _partial_index("ix_alert_unseen", "alert", "created", "state = 'undelivered'")
    op.create_index("ix_alert_focus", "alert", ["server", "focus"])
    op.create_table(
        "event_card",
        sa.Column("id", _KEY, sa.Identity(), nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("mass_key", sa.Text, nullable=False),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("report", sa.Text),
        sa.Column("observation", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_event_card"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_card_patient", "event_card", ["server", "patient"])
    op.create_table(
        "audit_outbox",
        sa.Column("id", _KEY, sa.Identity(), nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_outbox"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("audit_outbox", "event_card", "alert", "published_device", "published_resource", "published_set"):
        op.drop_table(table)


def _partial_index(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
