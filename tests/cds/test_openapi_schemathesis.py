"""The OpenAPI description against the service: schemathesis sends what it allows, and the answer keeps to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.cds.hook_support import Decision, build, use

OPERATIONS = {
    "GET /cds-services": 5,
    "POST /cds-services/{service_id}": 40,
    "POST /cds-services/{service_id}/feedback": 40,
    "GET /evidence": 3,
    "GET /evidence.json": 3,
}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    with pytest.MonkeyPatch.context() as patch:
        use(Decision(), patch)
        made = build(folder, id_per_hook=False)
        yield schemathesis.openapi.from_asgi("/openapi.json", made.app)
        made.database.dispose()


def test_every_operation_is_listed_here(described: Any) -> None:
    assert {operation.ok().label for operation in described.get_all_operations()} == set(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_service_keeps_to_its_description(label: str, described: Any) -> None:
    (operation,) = [o.ok() for o in described.get_all_operations() if o.ok().label == label]

    @settings(max_examples=OPERATIONS[label], deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy())
    def answers(case: schemathesis.Case) -> None:
        case.call_and_validate()

    answers()
