"""Real parts for the tests: HAPI FHIR once a run, a fresh PostgreSQL database a test, the long form on request."""

import os
from collections.abc import Iterator

import pytest

from emhwatch.demo.hapi import running_hapi
from tests.support.postgres import Cluster, running_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long proofs too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long form to `make soak`: deselected, so that a skip always means something is missing."""
    if config.getoption("--soak"):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session")
def hapi() -> Iterator[str]:
    """Base URL of a real FHIR server: the one that is named, or HAPI, started for this run."""
    if url := os.environ.get("EMHWATCH_TEST_FHIR_URL"):
        yield url.rstrip("/")
        return
    with running_hapi() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server: the one that is named, or our own, started for this run."""
    if url := os.environ.get("EMHWATCH_TEST_POSTGRES_URL"):
        yield Cluster(url)
        return
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """URL of an empty PostgreSQL database, dropped afterwards."""
    with postgres_cluster.database() as url:
        yield url
