"""Every stage of an event has its own limit, and the time of each is told, whatever its end."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from emhwatch import pipeline as module
from emhwatch.errors import FhirUnavailable, RetryClass, StageTimeout
from emhwatch.model.assessment import Assessment
from emhwatch.model.event import ResourceEvent
from emhwatch.model.history import History
from emhwatch.model.options import SiteOptions
from emhwatch.pipeline import Pipeline
from emhwatch.ports import ChartData

EVENT = ResourceEvent(server="s", resource_type="DiagnosticReport", resource_id="r", version="1")


class Parts:
    """All neighbours of the pipeline; `slow` names the stage that does not come to an end."""

    def __init__(self, slow: str = "", error: Exception | None = None) -> None:
        self.slow, self.error, self.published = slow, error, 0

    async def fetch(self, event: ResourceEvent) -> Sequence[ChartData]:
        if self.error:
            raise self.error
        await asyncio.sleep(30 if self.slow == "fetch" else 0)
        return [ChartData(focus=event.reference, patient=None, resources=())]

    async def load(self, server: str, patient: str) -> History:
        raise AssertionError("no patient, no history")

    async def publish(self, assessment: Assessment, event: ResourceEvent) -> Mapping[str, str]:
        await asyncio.sleep(30 if self.slow == "publish" else 0)
        self.published += 1
        return {}

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def stages(parts: Parts, told: list[str], limit_s: float) -> Pipeline:
    return Pipeline(
        fetcher=parts,
        history=parts,
        publisher=parts,
        tables=None,  # type: ignore[arg-type]  # the evaluation is replaced
        clock=parts,
        options=SiteOptions(),
        limits_s=dict.fromkeys(("fetch", "evaluate", "publish"), limit_s),
        observe=lambda stage, _seconds: told.append(stage),
    )


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "evaluate", lambda *_, **__: "assessment")


@pytest.mark.usefixtures("evaluated")
async def test_all_stages_are_told_in_their_order() -> None:
    told: list[str] = []
    parts = Parts()
    await stages(parts, told, 5).run(EVENT)
    assert told == ["fetch", "evaluate", "publish"] and parts.published == 1


@pytest.mark.usefixtures("evaluated")
@pytest.mark.parametrize(("slow", "reached"), [("fetch", ["fetch"]), ("publish", ["fetch", "evaluate", "publish"])])
async def test_a_stage_that_does_not_end_is_ended_and_named(slow: str, reached: list[str]) -> None:
    told: list[str] = []
    with pytest.raises(StageTimeout, match=f"stage {slow} took longer than 0.05 s") as raised:
        await stages(Parts(slow), told, 0.05).run(EVENT)
    assert raised.value.retry is RetryClass.TRANSIENT
    assert told == reached


@pytest.mark.parametrize("error", [FhirUnavailable(), TimeoutError()])
async def test_an_error_of_a_stage_is_not_taken_for_its_limit(error: Exception) -> None:
    told: list[str] = []
    with pytest.raises(type(error)):
        await stages(Parts(error=error), told, 5).run(EVENT)
    assert told == ["fetch"]
