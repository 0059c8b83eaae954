"""The one schema: `metadata`, on which the `schema` modules of inbox, publish, cds and intake declare their tables.

A table is declared twice on purpose: as a `Table` beside the code that uses it, and as frozen DDL in a migration of
`store.migrations.versions`, `0001_inbox` to `0005_trace`; a test holds both in step.
Every instant in the schema is a whole number of milliseconds since 1970 (UTC) by the clock of the data store
(`now_ms()`), so that replicas whose clocks differ agree.
"""

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Type of an automatic key: SQLite counts up only plain INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class now_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function that it is
    """The instant of the statement by the clock of the data store, in milliseconds since 1970 (UTC)."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _now_sqlite(_element: now_ms, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - fixed by SQLAlchemy
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"


@compiles(now_ms, "postgresql")
def _now_postgresql(_element: now_ms, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - fixed by SQLAlchemy
    # Stable within a statement, so that an index on an instant can be used (clock_timestamp() would prevent it).
    return "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000)::bigint"
