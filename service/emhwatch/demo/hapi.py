"""Real HAPI FHIR, started from the project's own launcher (`tests/hapi`, built by Maven)."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from emhwatch.errors import ConfigurationError

LAUNCHER = Path(__file__).resolve().parents[3] / "tests" / "hapi"
START_LIMIT_S = 120.0
_STOP_LIMIT_S = 20.0


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build_launcher() -> None:
    """Build the launcher if it is not there.

    Raises:
        ConfigurationError: no checkout, no JDK or no Maven, or the build failed.
    """
    if (LAUNCHER / "target" / "hapi.jar").exists():
        return
    if not LAUNCHER.is_dir():
        raise ConfigurationError("The HAPI launcher is not in this installation.", remedy="Run it from a checkout.")
    for program, package in (("javac", "openjdk-17-jdk-headless"), ("mvn", "maven")):
        if not shutil.which(program):
            raise ConfigurationError(
                f"HAPI needs {program}.", remedy=f"Install it (Debian: apt-get install {package}), or use `make demo`."
            )
    built = subprocess.run(["mvn", "-q", "-B", "-ntp", "package"], cwd=LAUNCHER, check=False)  # noqa: S607 - from PATH
    if built.returncode:
        raise ConfigurationError("Maven could not build the HAPI launcher.", remedy="Read its lines above.")


def hapi_command(port: int, properties: Mapping[str, str] | None = None) -> list[str]:
    """The command line of one HAPI on `port`; `properties` are those of the launcher's `ServerConfig`."""
    classpath = (LAUNCHER / "target" / "classpath.txt").read_text().strip()
    given = [f"-D{name}={value}" for name, value in (properties or {}).items()]
    return [
        shutil.which("java") or "java",
        "-Xmx1200m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Dport={port}",
        *given,
        "-cp",
        f"{LAUNCHER / 'target' / 'hapi.jar'}:{classpath}",
        "emhwatch.hapi.Main",
    ]


def wait_until_ready(base_url: str, process: subprocess.Popen[bytes], limit_s: float = START_LIMIT_S) -> None:
    """Wait for the CapabilityStatement.

    Raises:
        ConfigurationError: the process ended, or it does not answer in time.
    """
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{base_url}/metadata", timeout=5.0).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise ConfigurationError("The FHIR server did not start.", remedy="Run it by hand and read its log.")


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """End a server: gently, then by force."""
    process.terminate()
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_hapi(properties: Mapping[str, str] | None = None, port: int | None = None) -> Iterator[str]:
    """Start HAPI, yield its base URL, stop it."""
    build_launcher()
    port = port or free_port()
    base_url = f"http://127.0.0.1:{port}/fhir"
    process = subprocess.Popen(  # noqa: S603 - fixed words and our own paths
        hapi_command(port, properties), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_ready(base_url, process)
        yield base_url
    finally:
        stop_process(process)
