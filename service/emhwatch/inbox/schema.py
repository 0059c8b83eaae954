"""The tables of the inbox, see `store.migrations.versions.0001_inbox`.

An event waits while `finished` is null. A lane is what must be worked in order: a patient, or a resource whose patient
is not known yet. Its row says when it is next due: when its oldest event may be tried, or, while a worker holds it
(`event_id` is set), when that worker's lease ends. So a lapsed lease needs no sweep: the lane is simply due again.
"""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, Table, Text, text

from emhwatch.store.schema import BigKey, metadata

WAITING, DONE, SUPERSEDED, DEAD = "waiting", "done", "superseded", "dead"
STATES = (WAITING, DONE, SUPERSEDED, DEAD)

_VERSIONED = text("version <> ''")
_UNSTARTED = text("version = '' AND finished IS NULL AND attempts = 0")
_UNFINISHED = text("finished IS NULL")
_FINISHED = text("finished IS NOT NULL")
_DUE = text("due IS NOT NULL")

event = Table(
    "inbox_event",
    metadata,
    Column("id", BigKey, Identity(), primary_key=True),
    Column("server", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("version", Text, nullable=False),  # '' when the sender did not say
    Column("version_number", BigInteger),  # of a version that is a number: only those can be compared
    Column("deleted", Boolean, nullable=False),
    Column("lane", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text),  # code of the last failure, never its text
    Column("accepted", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("trace", Text),  # of the notification, so that its work, wherever it is done, belongs to it
    Index(
        "uq_inbox_event_key",
        "server",
        "resource_type",
        "resource_id",
        "version",
        unique=True,
        sqlite_where=_VERSIONED,
        postgresql_where=_VERSIONED,
    ),
    Index(
        "uq_inbox_event_unversioned",
        "server",
        "resource_type",
        "resource_id",
        "deleted",
        unique=True,
        sqlite_where=_UNSTARTED,
        postgresql_where=_UNSTARTED,
    ),
    Index("ix_inbox_event_newest", "server", "resource_type", "resource_id", "version_number"),
    Index("ix_inbox_event_lane", "lane", "id", sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED),
    Index("ix_inbox_event_accepted", "accepted", sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED),
    Index("ix_inbox_event_finished", "state", "finished", sqlite_where=_FINISHED, postgresql_where=_FINISHED),
    sqlite_autoincrement=True,
)

lane = Table(
    "inbox_lane",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("due", BigInteger),  # null: nothing waits
    Column("token", BigInteger, nullable=False),  # fencing token: one higher at each claim
    Column("event_id", BigInteger),  # in work
    Column("owner", Text),  # worker that holds it
    Column("touched", BigInteger, nullable=False),
    Index("ix_inbox_lane_due", "due", sqlite_where=_DUE, postgresql_where=_DUE),
)
