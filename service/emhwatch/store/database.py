"""Opens the data store that a URL names; everything else sees only `ports.Database`."""

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from emhwatch.errors import ConfigurationError
from emhwatch.store.migrate import migrate
from emhwatch.store.postgres import PostgresDatabase
from emhwatch.store.sqlite import SqliteDatabase

Database = SqliteDatabase | PostgresDatabase

_REMEDY = "Set EMHWATCH_STORE_URL to sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."


def open_database(url: str, *, connections: int = 10) -> Database:
    """Connect, bring the schema up to date under a lock, and return the data store; `await close()` ends it.

    Args:
        url: `sqlite:///FILE` (made if it is not there) or `postgresql+psycopg://...`.
        connections: pool size of PostgreSQL; SQLite has one writer and four readers.

    Raises:
        ConfigurationError: the URL is of another kind.
        StoreUnavailable: it cannot be opened, or its schema is newer than this version.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError("The URL of the data store cannot be read.", remedy=_REMEDY) from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ConfigurationError("SQLite needs a file; a memory database would lose events.", remedy=_REMEDY)
        database: Database = SqliteDatabase(parsed)
    elif parsed.get_backend_name() in ("postgresql", "postgres"):
        database = PostgresDatabase(parsed.set(drivername="postgresql+psycopg"), connections=connections)
    else:
        raise ConfigurationError("The data store is neither SQLite nor PostgreSQL.", remedy=_REMEDY)
    try:
        migrate(database.engine)
    except BaseException:
        database.dispose()
        raise
    return database
