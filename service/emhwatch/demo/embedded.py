"""The embedded FHIR server of the demonstration: `sekmet-fhir` in a process of its own, on a throw-away SQLite file.

It starts in two seconds and delivers R4 rest-hook and topic notifications. It is a test bench, not a product: no
deletes are notified, and validation is that of fhir.resources. Use HAPI to see the loop on a real server.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from emhwatch.demo.hapi import free_port, stop_process, wait_until_ready
from emhwatch.errors import ConfigurationError


@contextmanager
def running_embedded(settings: Mapping[str, object] | None = None) -> Iterator[str]:
    """Start the embedded server, yield its base URL, stop it; `settings` are the server's own, laid over ours.

    Raises:
        ConfigurationError: the extra `demo` is not installed, or the server does not start.
    """
    if importlib.util.find_spec("sekmet") is None:
        raise ConfigurationError(
            "The embedded FHIR server is not installed.",
            remedy="pip install 'emhwatch[demo]', or use --fhir-server URL.",
        )
    with tempfile.TemporaryDirectory(prefix="emhwatch-demo-") as folder:
        port = free_port()
        base_url = f"http://127.0.0.1:{port}/fhir"
        # JSON is YAML; the server's own simulators must not answer the orders of the demonstration.
        (Path(folder) / "settings.yaml").write_text(
            json.dumps(
                {
                    "base_url": base_url,
                    "host": "127.0.0.1",
                    "port": port,
                    "data_dir": folder,
                    "simulator": {"enabled": False},
                    "subscriptions": {"notify_method": "put-resource"},
                    "log_inbound": False,
                    **(settings or {}),
                }
            )
        )
        command = [sys.executable, "-m", "uvicorn", "--factory", "sekmet.main:app_factory"]
        process = subprocess.Popen(  # noqa: S603 - fixed words
            [*command, "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"],
            cwd=folder,
            env=os.environ | {"SEKMET_CONFIG": str(Path(folder) / "settings.yaml")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until_ready(base_url, process, 60.0)
            yield base_url
        finally:
            stop_process(process)
