"""CDS Hooks: cards shown, feedback, overrides, ids of tokens seen."""

revision = "0003_cds"
down_revision = "0002_publish"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""


def downgrade() -> None:
    """Drop the tables."""
