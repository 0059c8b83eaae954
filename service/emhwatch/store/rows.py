"""Many rows in one parameter: they go over as one JSON text, which the data store unpacks outside Python.

So a statement is the same for any number of rows: built once, compiled once, prepared once by the driver.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import JSON, Column, ColumnElement, Select, Text, bindparam, cast, column, func, select, true

PARAMETER = "rows"


def packed(rows: Sequence[Sequence[object]]) -> dict[str, str]:
    """The parameter of a statement that holds `unpacked`."""
    return {PARAMETER: orjson.dumps(rows).decode()}


def unpacked(dialect: str, *columns: Column[Any]) -> Select[Any]:
    """The rows of the parameter as a query with columns of these names and types, in their order."""
    rows = bindparam(PARAMETER, type_=Text())
    values: list[ColumnElement[Any]]
    if dialect == "postgresql":
        given = func.json_array_elements(cast(rows, JSON)).table_valued(column("value", JSON), name="given")
        values = [cast(given.c.value.op("->>")(number), it.type).label(it.name) for number, it in enumerate(columns)]
    else:
        given = func.json_each(rows).table_valued(column("value", Text), name="given")
        values = [
            func.json_extract(given.c.value, f"$[{number}]", type_=it.type).label(it.name)
            for number, it in enumerate(columns)
        ]
    # Without a condition SQLite takes the ON of ON CONFLICT for that of a join.
    return select(*values).select_from(given).where(true())
