"""SQLite: one writer thread with group commit, readers beside it (WAL)."""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event

from emhwatch.errors import StoreUnavailable
from emhwatch.store.faults import translated

T = TypeVar("T")

_GROUP = 256  #: writes that share one commit at most
_READERS = 4
_BUSY_S = 15.0  #: how long to wait for another process that writes (the command line)


class SqliteDatabase:
    """One file. A write returns after its commit is on the disk (`synchronous=FULL`)."""

    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        path = Path(url.database or "")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Only the service's own user may read it: it holds references to patients' reports.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError:
            raise StoreUnavailable("The file of the data store cannot be opened.") from None
        self.engine = _engine(url, begin="BEGIN IMMEDIATE", pool_size=1)
        self._reading = _engine(url, begin="BEGIN", pool_size=_READERS)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._waiting: queue.SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="store-write", daemon=True)
        self._closed = False
        self._writer.start()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run reads on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:  # noqa: ARG002 - of the port
        """Run writes; durable on return. A failing work undoes itself only, not those it shares the commit with."""
        if self._closed:
            raise StoreUnavailable("The data store is closed.")
        done: Future[T] = Future()
        self._waiting.put((work, done))
        return await asyncio.wrap_future(done)

    async def close(self) -> None:
        """Finish what was handed in, then close."""
        await asyncio.to_thread(self.dispose)

    def dispose(self) -> None:
        """Close from outside an event loop."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._writer.join()
            self._readers.shutdown()
            self.engine.dispose()
            self._reading.dispose()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with translated(), self._reading.connect() as connection, connection.begin():
            return work(connection)

    def _write_all(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < _GROUP and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    self._commit(group)
                    return
                group.append(following)
            self._commit(group)

    def _commit(self, group: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        started = [(work, done) for work, done in group if done.set_running_or_notify_cancel()]
        results: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], Exception]] = []
        try:
            with translated(), self.engine.connect() as connection, connection.begin():
                for work, done in started:
                    try:
                        # One alone needs no savepoint: what it did is undone with the transaction.
                        with translated(), connection.begin_nested() if len(started) > 1 else nullcontext():
                            results.append((done, work(connection)))
                    except StoreUnavailable:
                        raise  # the disk, not the work: SQLite may have undone the whole transaction
                    except Exception as error:
                        if len(started) == 1:
                            raise
                        failed.append((done, error))
        except Exception as error:  # noqa: BLE001 - nothing of the group is durable: every caller hears it
            failed, results = [(done, error) for _, done in started], []
        for done, result in results:
            done.set_result(result)
        for done, fault in failed:
            done.set_exception(fault)


def _engine(url: URL, *, begin: str, pool_size: int) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, pool_size=pool_size, max_overflow=0
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves; the driver's own is too late for savepoints
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
