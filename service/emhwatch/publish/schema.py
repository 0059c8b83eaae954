"""The tables of write-back, see `store.migrations.versions.0002_publish`.

`published_set` is one evaluation of one report as it stands now, `published_resource` is one place (report, mass,
panel) with what stands there on the server. States: `planned` (decided, not sent: silent mode), `sent` (on its way, or
its outcome is not known), `confirmed` (id and version are known).
"""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, Table, Text, text

from emhwatch.store.schema import BigKey, metadata

PLANNED, SENT, CONFIRMED = "planned", "sent", "confirmed"
PENDING, DELIVERED, DEAD, CANCELLED, UNDELIVERED = "pending", "delivered", "dead", "cancelled", "undelivered"

_OPEN = text("state = 'sent'")
_WAITING = text("state = 'pending'")
_UNSEEN = text("state = 'undelivered'")

published_set = Table(
    "published_set",
    metadata,
    Column("server", Text, primary_key=True),
    Column("focus", Text, primary_key=True),  # "DiagnosticReport/r1"
    Column("patient", Text),
    Column("version", Text),
    Column("version_number", BigInteger),  # of a version that is a number: only those can be compared
    Column("rules", Text, nullable=False),  # digest of the rule set
    Column("inputs", Text, nullable=False),  # digest of the versioned references that were used
    Column("evaluation", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("card", Text),
    Column("written", BigInteger),
    Column("lease", Text),
    Column("lease_until", BigInteger),
    Index("ix_published_set_patient", "server", "patient"),
    Index("ix_published_set_open", "lease_until", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

published_resource = Table(
    "published_resource",
    metadata,
    Column("server", Text, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("focus", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("resource_id", Text),
    Column("version", Text),
    Column("status", Text),
    Column("evaluation", Text),
    Column("retired", Boolean, nullable=False),
    Index("ix_published_resource_focus", "server", "focus"),
)

published_device = Table(
    "published_device",
    metadata,
    Column("server", Text, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("resource_id", Text, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Text, primary_key=True),
    Column("server", Text, nullable=False),
    Column("focus", Text, nullable=False),
    Column("patient", Text),
    Column("indicator", Text, nullable=False),
    Column("kind", Text, nullable=False),  # "raised" or "withdrawn"
    Column("state", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("reason", Text),
    Index("ix_alert_due", "due", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_alert_unseen", "created", sqlite_where=_UNSEEN, postgresql_where=_UNSEEN),
    Index("ix_alert_focus", "server", "focus"),
)

event_card = Table(
    "event_card",
    metadata,
    Column("id", BigKey, Identity(), primary_key=True),
    Column("server", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("mass_key", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("shown", Text, nullable=False),  # ISO date
    Column("report", Text),
    Column("observation", Text),
    Index("ix_event_card_patient", "server", "patient"),
    sqlite_autoincrement=True,
)

audit_outbox = Table(
    "audit_outbox",
    metadata,
    Column("id", BigKey, Identity(), primary_key=True),
    Column("tag", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
