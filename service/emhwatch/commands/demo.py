"""The whole loop on one machine: a FHIR server, the service, and eight made-up patients.

Examples:
  emhwatch demo --once                                   embedded FHIR server, ends with a table
  emhwatch demo --once --fhir-server hapi                real HAPI (needs a JDK and Maven)
  emhwatch demo --once --fhir-server http://host/fhir    a running server; what is created is removed at the end
  emhwatch demo                                          stays up and prints the pages to open
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from emhwatch.bootstrap import WallClock, open_service
from emhwatch.cds.warm import warm
from emhwatch.commands.serve import serve, stop_on_signals
from emhwatch.demo.embedded import running_embedded
from emhwatch.demo.hapi import free_port, running_hapi
from emhwatch.demo.patients import TAG, demo_patients
from emhwatch.demo.run import Demonstration
from emhwatch.demo.screen import Outcome, show_table
from emhwatch.errors import InputError
from emhwatch.fhir.connect import connect
from emhwatch.service import Service
from emhwatch.settings import (
    CdsSettings,
    FhirSettings,
    IntakeSettings,
    PublishSettings,
    Settings,
    StoreSettings,
    WebSettings,
)
from emhwatch.tables.load import load_tables
from emhwatch.telemetry.log import configure

_START_STEPS, _START_STEP_S = 600, 0.05
_HOOK_MS = 10_000  #: a demonstration may run on a slow machine and a far server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which server, and whether to stay."""
    parser.add_argument("--fhir-server", default="embedded", metavar="embedded|hapi|URL", help="default: embedded")
    parser.add_argument("--once", action="store_true", help="end after the last patient")
    parser.add_argument("--keep", action="store_true", help="leave the patients on the FHIR server")
    parser.add_argument("--service", metavar="URL", help="a service that runs already; the server must be a URL")


def run(arguments: argparse.Namespace) -> int:
    """0 when every patient ends as the policy says, 1 when one differs."""
    configure("WARNING")
    with _fhir_server(arguments.fhir_server) as base_url:
        return asyncio.run(_demo(arguments, base_url))


@contextmanager
def _fhir_server(name: str) -> Iterator[str]:
    if name == "embedded":
        with running_embedded() as url:
            yield url
    elif name == "hapi":
        with running_hapi() as url:
            yield url
    elif name.startswith(("http://", "https://")):
        yield name.rstrip("/")
    else:
        raise InputError("--fhir-server is not known.", remedy="Use embedded, hapi or a URL.")


def demo_settings(base_url: str, folder: Path, *, shared: bool, token: str = "") -> Settings:
    """Settings of the demonstration on one FHIR server; `shared`: others use it too, and it may not reach us."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    reachable = urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1")
    return Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'demo.sqlite'}"),
        fhir=FhirSettings(base_url=base_url, auth="bearer" if token else "none", token=token, timeout_s=30.0),
        intake=IntakeSettings(
            public_url=url,
            mode="auto" if reachable else "poll",
            types=("DiagnosticReport", "ImagingStudy"),
            tag=f"{TAG['system']}|{TAG['code']}" if shared else "",
            poll_s=1.0,
            reconcile_s=5.0,  # a server may be slow to notify a subscription that it has just made active
            lookback_h=0.1,
        ),
        publish=PublishSettings(audit="off", source_references=False),
        cds=CdsSettings(public_url=url, open=True, fhir_servers=(base_url,), budget_ms=_HOOK_MS, page=True),
        web=WebSettings(port=port),
    )


async def _demo(arguments: argparse.Namespace, base_url: str) -> int:
    shared = arguments.fhir_server not in ("embedded", "hapi")
    with tempfile.TemporaryDirectory(prefix="emhwatch-demo-") as folder:
        settings = demo_settings(base_url, Path(folder), shared=shared, token=os.environ.get("EMHWATCH_FHIR_TOKEN", ""))
        if arguments.service:
            return _judged(await _patients(settings, arguments.service.rstrip("/"), keep=arguments.keep))
        stop = asyncio.Event()
        stop_on_signals(stop)
        async with open_service(settings) as service:
            warm(service.tables)
            serving = asyncio.create_task(serve(service, stop, work=True))
            try:
                await _until_ready(service, settings, serving)
                keep = arguments.keep or not arguments.once
                code = _judged(await _patients(settings, settings.cds.public_url, keep=keep))
                if not arguments.once and not stop.is_set():
                    _print_pages(settings.cds.public_url, base_url)
                    await stop.wait()
                if service.mode != "poll":
                    await service.subscriptions.delete()
                return code
            finally:
                stop.set()
                await serving


async def _until_ready(service: Service, settings: Settings, serving: "asyncio.Task[None]") -> None:
    """Wait for the listener and, where the server notifies us, for its Subscriptions; raises what ended the service."""
    for _ in range(_START_STEPS):
        if serving.done():
            serving.result()
        if service.mode and await _answers(settings):
            break
        await asyncio.sleep(_START_STEP_S)
    if service.mode == "rest-hook":
        for _ in range(_START_STEPS):
            if all(standing.status == "active" for standing in await service.subscriptions.standing()):
                return
            await asyncio.sleep(_START_STEP_S)


def _print_pages(url: str, base_url: str) -> None:
    print("\nThe service stays up until Ctrl-C.")
    for name, page in (("CDS client", "/ehr"), ("Evidence", "/evidence"), ("Metrics", "/metrics")):
        print(f"  {name:12}{url}{page}")
    print(f"  FHIR server {base_url}")


async def _answers(settings: Settings) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(settings.web.host, settings.web.port)
        writer.close()
        return True
    return False


async def _patients(settings: Settings, service_url: str, *, keep: bool) -> list[Outcome]:
    connection = connect(replace(settings.fhir, max_connections=4), clock=WallClock())
    demonstration = Demonstration(
        client=connection.client,
        service_url=service_url,
        output=load_tables(settings.tables.dir, settings.tables.overlay).output,
        show=print,
        colour=sys.stdout.isatty(),
    )
    try:
        return await demonstration.run(demo_patients(), keep=keep)
    finally:
        await connection.close()


def _judged(outcomes: list[Outcome]) -> int:
    print("\n" + show_table(outcomes))
    return 0 if outcomes and all(outcome.ok for outcome in outcomes) else 1
