"""The wheel holds the tables: sdist -> wheel -> an environment that never saw the checkout -> `emhwatch assess`."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emhwatch.demo.patients import demo_patients, with_subject

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def run(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("EMHWATCH_", "PYTHON"))} | environment
    return subprocess.run([*map(str, words)], cwd=cwd, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(sdist, wheel made from that sdist)."""
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel and this run's third-party packages, without the checkout."""
    home = tmp_path_factory.mktemp("env")
    assert run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home).returncode == 0
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(site)
    # The dependencies are linked one by one: the .pth file of the editable install must not come along.
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.suffix != ".pth" and not entry.name.startswith(("emhwatch", "_emhwatch")):
            (site / entry.name).symlink_to(entry)
    return home / "bin" / "python"


def test_sdist_and_wheel_hold_every_table(built: tuple[Path, Path]) -> None:
    tables = {
        path.relative_to(ROOT).as_posix()
        for folder in ("mappings", "terminology")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".csv", ".toml"}
    }
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert tables <= names
    with zipfile.ZipFile(built[1]) as wheel:
        assert {f"emhwatch/_tables/{table}" for table in tables} <= set(wheel.namelist())
        tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"emhwatch", f"emhwatch-{_version()}.dist-info"}


def test_installed_wheel_decides_as_the_checkout_does(installed: Path, tmp_path: Path) -> None:
    demo = demo_patients(NOW)[2]
    patient = demo.patient | {"id": "p"}
    resources = [
        with_subject(resource, "Patient/p") | {"id": f"r{number}"}
        for number, resource in enumerate([*demo.chart, *demo.reports])
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in [patient, *resources]],
    }
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    focus = f"DiagnosticReport/{resources[-1]['id']}"
    words = ("-m", "emhwatch", "assess", tmp_path / "bundle.json", "--focus", focus, "--now", NOW.isoformat(), "--json")
    there = run(installed, *words, cwd=tmp_path)
    assert there.returncode == 0, there.stderr
    here = run(sys.executable, *words, cwd=tmp_path)
    result = json.loads(there.stdout)
    assert result == json.loads(here.stdout)
    assert (result["row"], result["tier"], result["card"]) == (
        demo.expected.row,
        demo.expected.tier,
        demo.expected.card,
    )
    origin = run(installed, "-c", "import emhwatch; print(emhwatch.__file__)", cwd=tmp_path)
    assert str(ROOT) not in origin.stdout


def _version() -> str:
    import emhwatch

    return emhwatch.__version__
