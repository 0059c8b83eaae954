"""PostgreSQL: a pool of connections, for replicas."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from emhwatch.errors import StoreUnavailable
from emhwatch.store.faults import is_rolled_back, translated

T = TypeVar("T")

_ATTEMPTS = 5  #: runs of a transaction that the database itself undid
_CONNECT_S = 5
_STATEMENT_MS = 30_000
_IDLE_S = 1.0  #: a connection that was not used for longer is checked before it is


class PostgresDatabase:
    """One database. A write returns after its commit (`synchronous_commit` on, whatever the server's default)."""

    dialect = "postgresql"

    def __init__(self, url: URL, *, connections: int) -> None:
        options = f"-c synchronous_commit=on -c statement_timeout={_STATEMENT_MS} -c application_name=emhwatch"
        self.engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=10,
            connect_args={"connect_timeout": _CONNECT_S, "options": options},
        )
        _check_idle(self.engine)
        self._committing = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="store")
        self._closed = False

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run reads."""
        return await self._run(self.engine, work)

    async def write(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run writes; durable on return. Runs again by itself after a deadlock, so `work` must not act outside.

        `alone`: it is one statement, which commits by itself.
        """
        return await self._run(self._committing if alone else self.engine, work)

    async def close(self) -> None:
        """Finish what runs, then close."""
        await asyncio.to_thread(self.dispose)

    def dispose(self) -> None:
        """Close from outside an event loop."""
        self._closed = True
        self._threads.shutdown()
        self.engine.dispose()

    async def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("The data store is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, _transaction, engine, work)


def _transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    with translated():
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with engine.connect() as connection, connection.begin():
                    return work(connection)
            except DBAPIError as error:
                if attempt == _ATTEMPTS or not is_rolled_back(error):
                    raise
    raise AssertionError("unreachable")  # the loop returns or raises


def _check_idle(engine: Engine) -> None:
    """Ask a connection that was idle whether it still stands; one that was just used is taken as it is.

    A connection that breaks while it is used fails its transaction all the same, and then all are made anew.
    """

    @event.listens_for(engine, "checkin")
    def _returned(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["returned"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _taken(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get("returned", math.inf) > _IDLE_S:
            try:
                engine.dialect.do_ping(connection)
            except psycopg.Error:
                raise DisconnectionError from None
