"""The migrations make the tables that the code names, on both data stores."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from emhwatch.cds import schema as cds_schema
from emhwatch.errors import ConfigurationError
from emhwatch.inbox import schema as inbox_schema
from emhwatch.intake import schema as intake_schema
from emhwatch.publish import schema as publish_schema
from emhwatch.store.database import open_database
from emhwatch.store.schema import metadata

OWNED = (
    inbox_schema.event,
    publish_schema.alert,
    cds_schema.cds_card,
    intake_schema.duty,
)  #: importing them fills the metadata


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def test_migrations_and_tables_agree(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert {table.name for table in OWNED} <= set(metadata.tables)
    url = f"sqlite:///{tmp_path}/s.sqlite" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    try:
        assert await database.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    finally:
        await database.close()
    again = open_database(url)  # migrating twice changes nothing
    await again.close()


@pytest.mark.parametrize("url", ["sqlite://", "mysql://host/db", "not a url"])
def test_a_data_store_that_cannot_be_used_is_a_setting_to_correct(url: str) -> None:
    with pytest.raises(ConfigurationError, match="EMHWATCH_STORE_URL"):
        open_database(url)
