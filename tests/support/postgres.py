"""A real PostgreSQL for the tests: started from Debian's packages on a free port, trusted on the loopback only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, create_engine, make_url, text

from emhwatch.demo.hapi import free_port


@dataclass(frozen=True)
class Cluster:
    """A running server; `url` names a database whose user may create others."""

    url: str
    data: Path | None = None  #: its folder, when it is ours

    def restart(self) -> None:
        """Break every connection and start it again, as an update of the packages does."""
        assert self.data is not None
        _command(binaries() / "pg_ctl", "-D", self.data, "-l", self.data.parent / "log", "-m", "fast", "-w", "restart")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create an empty database; drop it at the end."""
        name = f"emhwatch_{uuid4().hex[:12]}"
        self._run(f'CREATE DATABASE "{name}"')
        target: URL = make_url(self.url).set(database=name)
        try:
            yield target.render_as_string(hide_password=False)
        finally:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


def binaries() -> Path:
    """Folder of Debian's newest PostgreSQL server programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: run `make test`, or apt-get install postgresql")
    return found[-1].parent


def _command(*words: str | Path) -> None:
    # PostgreSQL refuses to run as root; Debian's package brings a user for it.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*prefix, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a throw-away server."""
    folder = Path(tempfile.mkdtemp(prefix="emhwatch-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data, port, programs = folder / "data", free_port(), binaries()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c max_connections=200 -k {folder}"
    try:
        _command(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        _command(programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield Cluster(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres", data)
        finally:
            _command(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
