"""Exactly one current set per report version, none for withdrawn reports, whatever the network does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emhwatch.demo.embedded import running_embedded
from tests.publish.storm import naive_storm, storm
from tests.support.fault_proxy import Fault


@pytest.fixture(scope="module")
def sekmet() -> Iterator[str]:
    with running_embedded() as url:
        yield url


@pytest.mark.hapi
async def test_h29_a_hundred_evaluations_on_hapi_through_a_bad_network(hapi: str, tmp_path: Path) -> None:
    told = await storm(hapi, tmp_path, evaluations=100, seed=11)
    assert told.wrong == []
    assert told.seen[Fault.DROP_AFTER] > 5 and told.deaths > 0  # it was really bad


async def test_h29_a_hundred_evaluations_on_a_second_server(sekmet: str, tmp_path: Path) -> None:
    told = await storm(sekmet, tmp_path, evaluations=100, seed=12)
    assert told.wrong == []
    assert told.seen[Fault.DROP_AFTER] > 5 and told.deaths > 0


@pytest.mark.hapi
async def test_the_control_without_the_ledger_fails(hapi: str) -> None:
    assert (await naive_storm(hapi, evaluations=30, seed=11)).wrong


@pytest.mark.soak
@pytest.mark.hapi
async def test_h29_a_thousand_evaluations_on_hapi(hapi: str, tmp_path: Path) -> None:
    assert (await storm(hapi, tmp_path, evaluations=1000, seed=21)).wrong == []


@pytest.mark.soak
async def test_h29_a_thousand_evaluations_on_a_second_server(sekmet: str, tmp_path: Path) -> None:
    assert (await storm(sekmet, tmp_path, evaluations=1000, seed=22)).wrong == []
