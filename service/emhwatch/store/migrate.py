"""Brings the schema up to date at start; several processes may start at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from emhwatch.errors import StoreUnavailable
from emhwatch.store.faults import translated

_LOCK = 0x656D68  #: advisory lock of PostgreSQL that only migrations take


def migrate(engine: Engine) -> None:
    """Run all missing migrations in one transaction, one process at a time.

    Raises:
        StoreUnavailable: the store cannot be used, or a newer version of the service has been here.
    """
    with translated(), engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config = _config(connection)
        scripts = ScriptDirectory.from_config(config)
        current, newest = _revision(connection), scripts.get_current_head()
        if current == newest:
            return
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise StoreUnavailable(
                "The schema of the data store is newer than this version of the service.",
                remedy="Install the newer version, or restore the backup from before the update.",
            )
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
