"""Results of a screening as Parquet, in row groups of bounded size."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from emhwatch.errors import ConfigurationError

_GROUP = 1000  #: rows that are held in memory
_TEXT = (
    "id",
    "indicator",
    "row",
    "tier",
    "card",
    "mass",
    "site",
    "blood",
    "danger",
    "biopsy",
    "histology",
    "names_emh",
)
_WHOLE = ("supporting", "opposing", "net")
_TRUTH = ("hold_offered", "major")
_NESTED = ("masses", "facts", "missing")


class RowWriter:
    """Writes one row a result; nested values are JSON text."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow  # an extra: only this command needs it
            import pyarrow.parquet
        except ImportError:
            raise ConfigurationError("pyarrow is not installed.", remedy="pip install 'emhwatch[screen]'") from None
        self._arrow: Any = pyarrow
        fields = [(name, pyarrow.string()) for name in (*_TEXT, *_NESTED, "rules", "error")]
        fields += [(name, pyarrow.int32()) for name in _WHOLE] + [(name, pyarrow.bool_()) for name in _TRUTH]
        self._schema = pyarrow.schema(fields)
        self._writer: Any = pyarrow.parquet.ParquetWriter(path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._writer.close()

    def write(self, document: dict[str, Any]) -> None:
        """Add one result."""
        row: dict[str, Any] = {name: document[name] for name in (*_WHOLE, *_TRUTH)}
        row |= {name: None if document[name] is None else str(document[name]) for name in _TEXT}
        row |= {name: orjson.dumps(document[name]).decode() for name in _NESTED}
        row["rules"] = f"{document['rules']['version']} {document['rules']['digest']}"
        row["error"] = orjson.dumps(document["error"]).decode() if "error" in document else None
        self._rows.append(row)
        if len(self._rows) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()
