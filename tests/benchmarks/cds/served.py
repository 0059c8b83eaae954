"""What the benchmark of the hooks measures, each in a process of its own: `served.py KIND PORT FOLDER PROCESSES`.

`emhwatch`: the service as `assembly` wires it. `static`: the same web framework that answers with a fixed card.
"""

import os
import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

sys.path.insert(0, str(Path(__file__).parents[3]))

from emhwatch.cds.assembly import assemble
from emhwatch.cds.routes import create_router
from emhwatch.cds.warm import warm
from emhwatch.model.options import SiteOptions
from emhwatch.settings import CdsSettings, Settings
from emhwatch.store.database import open_database
from emhwatch.tables.load import load_tables
from tests.support.site import WallClock


def service(folder: str) -> FastAPI:
    """The hooks on a data store of their own, open, as in a demonstration."""
    settings = Settings(cds=CdsSettings(open=True, max_concurrent=256))
    services = assemble(
        settings,
        tables=load_tables(),
        options=SiteOptions(),
        database=open_database(f"sqlite:///{folder}/bench.sqlite"),
        clock=WallClock(),
    )
    app = FastAPI()
    app.include_router(create_router(services))
    warm(services.service.tables)
    return app


def static() -> FastAPI:
    """One fixed card."""
    app = FastAPI()
    card: dict[str, Any] = {"summary": "A card", "indicator": "info", "source": {"label": "static"}}

    @app.post("/cds-services/{service_id}")
    async def call(service_id: str, request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps({"cards": [card]}), media_type="application/json")

    return app


def emhwatch() -> FastAPI:
    """The application of one process of several."""
    return service(os.environ["BENCH_FOLDER"])


if __name__ == "__main__":
    kind, port, folder, processes = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    os.environ["BENCH_FOLDER"] = folder
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    app = f"tests.benchmarks.cds.served:{kind}"
    uvicorn.run(app, factory=True, workers=processes, port=port, log_level="error", access_log=False)
