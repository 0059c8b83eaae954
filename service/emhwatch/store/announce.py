"""LISTEN and NOTIFY of PostgreSQL: replicas hear at once that another has accepted something.

Only a hint: what is not heard (a crash before it is said, a connection that was lost) is found by polling. It is said
after the commit and not within it, since PostgreSQL lets transactions that notify commit one after the other.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import psycopg

from emhwatch.errors import StoreUnavailable
from emhwatch.store.postgres import PostgresDatabase

_CHANNEL = "emhwatch_inbox"
_QUIET_S = 0.02  #: between two notifications: what is accepted in between shares the next
_AGAIN_S = 1.0  #: before a lost connection is made anew
_ALIVE: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class Announcements:
    """Both ends in one process; it does not hear itself."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database, self._us = database, uuid.uuid4().hex
        self._untold = False
        self._telling: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Let the others know soon that something is due."""
        self._untold = True
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever another process tells, until cancelled; one connection of its own."""
        engine = self._database.engine
        _, options = engine.dialect.create_connect_args(engine.url)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **options, **_ALIVE, application_name="emhwatch listens", connect_timeout=5, autocommit=True
                ) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    heard()  # something may have been said while nobody listened
                    async for notification in connection.notifies():
                        if notification.payload != self._us:
                            heard()
            except psycopg.OperationalError:
                await asyncio.sleep(_AGAIN_S)

    async def _tell(self) -> None:
        said = f"NOTIFY {_CHANNEL}, '{self._us}'"
        try:
            while self._untold:
                self._untold = False
                await self._database.write(lambda c: c.exec_driver_sql(said) and None, alone=True)
                await asyncio.sleep(_QUIET_S)
        except StoreUnavailable:
            return  # polling finds it
        finally:
            self._telling = None
