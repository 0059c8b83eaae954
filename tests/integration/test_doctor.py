"""`emhwatch doctor` names what is wrong and what to do, for the mistakes that a newcomer makes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from emhwatch.cli import main
from emhwatch.demo.embedded import running_embedded
from emhwatch.demo.hapi import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "right-token-of-the-test"


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A FHIR server that wants a bearer token."""
    with running_embedded({"server_auth": {"types": ["bearer"], "tokens": [TOKEN]}}) as url:
        yield url


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, guarded: str) -> pytest.MonkeyPatch:
    monkeypatch.setenv("EMHWATCH_STORE_URL", f"sqlite:///{tmp_path}/s.sqlite")
    monkeypatch.setenv("EMHWATCH_FHIR_BASE_URL", guarded)
    monkeypatch.setenv("EMHWATCH_FHIR_AUTH", "bearer")
    monkeypatch.setenv("EMHWATCH_FHIR_TOKEN", TOKEN)
    monkeypatch.setenv("EMHWATCH_CDS_OPEN", "true")
    return monkeypatch


def lines(capsys: pytest.CaptureFixture[str], state: str) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith(state)]


def test_all_is_well(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for name in ("settings", "tables", "data store", "FHIR server", "authorization"):
        assert f"ok       {name}:" in out


def test_a_wrong_token(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings.setenv("EMHWATCH_FHIR_TOKEN", "wrong-token-of-the-test")
    assert main(["doctor"]) == 1
    (problem,) = lines(capsys, "problem")
    assert "authorization" in problem and "token" in problem.lower()
    assert "wrong-token-of-the-test" not in problem


@pytest.mark.parametrize("path", ["/fhirr", ""])
def test_a_wrong_path(
    settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], guarded: str, path: str
) -> None:
    settings.setenv("EMHWATCH_FHIR_BASE_URL", guarded.removesuffix("/fhir") + path)
    assert main(["doctor"]) == 1
    (problem,) = lines(capsys, "problem")
    assert "EMHWATCH_FHIR_BASE_URL" in problem


def test_nobody_listens(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings.setenv("EMHWATCH_FHIR_BASE_URL", f"http://127.0.0.1:{free_port()}/fhir")
    assert main(["doctor"]) == 1
    (problem,) = lines(capsys, "problem")
    assert "fhir-unavailable" in problem and "EMHWATCH_FHIR_BASE_URL" in problem


def test_a_setting_with_a_typing_error(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings.setenv("EMHWATCH_FHIR_BASEURL", "http://127.0.0.1/fhir")
    assert main(["doctor"]) == 1
    (problem,) = lines(capsys, "problem")
    assert "EMHWATCH_FHIR_BASEURL" in problem and "deploy/emhwatch.env" in problem


def test_a_table_with_a_typing_error(
    settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for folder in ("mappings", "terminology"):
        shutil.copytree(ROOT / folder, tmp_path / "tables" / folder)
    rows = tmp_path / "tables" / "mappings" / "decision" / "rows.csv"
    rows.write_text(rows.read_text("utf-8").replace("warning", "warnign", 1), "utf-8")
    settings.setenv("EMHWATCH_TABLES_DIR", str(tmp_path / "tables"))
    assert main(["doctor"]) == 1
    problems = [line for line in lines(capsys, "problem") if "rows.csv:" in line]
    assert problems and "warnign" in problems[0]


def test_a_server_without_subscriptions(
    settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from emhwatch.fhir.discovery import Capabilities

    silent = Capabilities("4.0.1", "a server", {}, True, frozenset())

    async def capabilities(_: object) -> Capabilities:
        return silent

    monkeypatch.setattr("emhwatch.fhir.client.FhirClient.capabilities", capabilities)
    assert main(["doctor"]) == 0
    assert any("it is searched instead" in line for line in lines(capsys, "note"))
    settings.setenv("EMHWATCH_INTAKE_MODE", "rest-hook")
    assert main(["doctor"]) == 1
    assert "EMHWATCH_INTAKE_MODE" in lines(capsys, "problem")[0]
