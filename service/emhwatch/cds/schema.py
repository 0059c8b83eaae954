"""Tables of CDS Hooks: cards shown, feedback, ids of tokens seen. Append only; rows are purged by age."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Table, Text

from emhwatch.store.schema import BigKey, metadata

cds_card = Table(
    "cds_card",
    metadata,
    Column("id", BigKey, Identity(), primary_key=True),
    Column("uuid", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("hook", Text, nullable=False),
    Column("client", Text, nullable=False),  # id of the configured client
    Column("server", Text, nullable=False),  # name of the configured FHIR server
    Column("patient", Text, nullable=False),
    Column("user", Text),
    Column("encounter", Text),
    Column("mass_key", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("order", Text),  # the biopsy order that it was shown for
    Column("report", Text),  # versioned reference
    Column("rules", Text, nullable=False),
    Column("suggestions", Text, nullable=False),  # JSON: uuid -> label
    Column("shown_on", Text, nullable=False),  # ISO date of the evaluation
    Column("shown", BigInteger, nullable=False),
    Index("ix_cds_card_uuid", "uuid"),
    Index("ix_cds_card_patient", "server", "patient"),
    Index("ix_cds_card_shown", "shown"),
    sqlite_autoincrement=True,
)

cds_feedback = Table(
    "cds_feedback",
    metadata,
    Column("id", BigKey, Identity(), primary_key=True),
    Column("card_uuid", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # accepted, overridden
    Column("accepted", Text, nullable=False),  # JSON: ids of suggestions
    Column("reason_system", Text),
    Column("reason_code", Text),
    Column("comment", Text),
    Column("outcome_time", Text, nullable=False),  # as sent, RFC 3339
    Column("known", Boolean, nullable=False),  # the card was shown by us
    Column("repeated", Boolean, nullable=False),  # the same answer had come before
    Column("received", BigInteger, nullable=False),
    Index("ix_cds_feedback_card_uuid", "card_uuid"),
    Index("ix_cds_feedback_received", "received"),
    sqlite_autoincrement=True,
)

cds_token = Table(
    "cds_token",
    metadata,
    Column("client", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # of the request that it came with
    Column("expires", BigInteger, nullable=False),
    Index("ix_cds_token_expires", "expires"),
)
