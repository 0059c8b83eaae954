"""The tables of intake, see `store.migrations.versions.0004_intake`."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from emhwatch.store.schema import metadata

#: How far the search has come, by type. The instant is that of the FHIR server (`meta.lastUpdated`), not of the store.
watermark = Table(
    "intake_watermark",
    metadata,
    Column("server", Text, primary_key=True),
    Column("resource_type", Text, primary_key=True),
    Column("reached", BigInteger, nullable=False),
)

#: What was heard through each Subscription.
subscription = Table(
    "intake_subscription",
    metadata,
    Column("server", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    Column("heard", BigInteger),  # last notification of any kind
    Column("heartbeat", BigInteger),  # last heartbeat; null: this server sends none
    Column("number", BigInteger),  # all events up to this number have arrived
    Column("expected", BigInteger),  # highest number that the server has spoken of
    Column("seen", Text, nullable=False),  # numbers between the two that have arrived, as JSON
    Column("behind", BigInteger),  # since when numbers are missing
    Column("gaps", Integer, nullable=False),  # how often numbers stayed missing
    Column("missed", Integer, nullable=False),  # events that the search found and no notification told
)

#: Which process keeps the Subscriptions and searches, so that replicas do not do it all at once.
duty = Table(
    "intake_duty",
    metadata,
    Column("server", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)
