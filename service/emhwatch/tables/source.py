"""Bytes of the authored files to rows; every problem is collected, none raises."""

import csv
import hashlib
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emhwatch.tables.problem import Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One CSV row with its line number."""

    file: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def list(self, column: str) -> tuple[str, ...]:
        """A cell that holds a list, separated by blanks."""
        return tuple(self.cells[column].split())


@dataclass(slots=True)
class TableFiles:
    """All files of a table set by relative path ("mappings/keys.csv"), and the problems met so far."""

    files: Mapping[str, bytes]
    origin: str  #: "checkout", "wheel", "setting"
    overlay: frozenset[str] = frozenset()  #: paths that a site overlay replaced or added to
    problems: list[Problem] = field(default_factory=list)

    def problem(self, file: str, line: int, key: str, problem: str, remedy: str) -> None:
        """Collect one problem."""
        self.problems.append(Problem(file, line, key, problem, remedy))

    def under(self, folder: str, suffix: str) -> list[str]:
        """Paths below a folder, sorted."""
        return sorted(p for p in self.files if p.startswith(folder) and p.endswith(suffix))

    def csv(self, path: str, columns: Sequence[str], *, may_be_empty: bool = False) -> list[Row]:
        """Rows of a CSV file; `columns` must all be there. Lines that start with `#` are notices."""
        return list(self._rows(path, columns, may_be_empty))

    def _rows(self, path: str, columns: Sequence[str], may_be_empty: bool) -> Iterator[Row]:
        raw = self.files.get(path)
        if raw is None:
            self.problem(path, 0, "file", "missing", "restore the file")
            return
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problem(path, raw[: error.start].count(b"\n") + 1, "encoding", "not UTF-8", "save the file as UTF-8")
            return
        body, skipped = text, 0
        while body.startswith("#"):
            body = body.partition("\n")[2]
            skipped += 1
        reader = csv.reader(io.StringIO(body), strict=True)
        count = 0
        try:
            header = next(reader, [])
            absent = [c for c in columns if c not in header]
            if absent:
                self.problem(path, skipped + 1, ",".join(absent), "column missing", "add it to the header row")
                return
            for cells in reader:
                line = reader.line_num + skipped
                if not cells:
                    continue
                if len(cells) != len(header):
                    self.problem(
                        path,
                        line,
                        cells[0],
                        f"{len(cells)} cells for {len(header)} columns",
                        "quote cells that hold a comma",
                    )
                    continue
                count += 1
                yield Row(path, line, dict(zip(header, cells, strict=True)))
        except csv.Error:
            self.problem(path, reader.line_num + skipped, "row", "not valid CSV", "check the quotes of this row")
        if count == 0 and not may_be_empty:
            self.problem(
                path, 0, "file", "the table is empty", "add rows; an empty table would silently switch a rule off"
            )

    def toml(self, path: str) -> dict[str, Any]:
        """A TOML file, `{}` with a problem when it cannot be read."""
        raw = self.files.get(path)
        if raw is None:
            self.problem(path, 0, "file", "missing", "restore the file")
            return {}
        try:
            return tomllib.loads(raw.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.problem(path, getattr(error, "lineno", 0) or 0, "file", "not valid TOML", "check the line named")
            return {}

    def digest(self) -> str:
        """SHA-256 over sorted paths and contents with LF line ends."""
        total = hashlib.sha256()
        for path in sorted(self.files):
            total.update(path.encode() + b"\0" + self.files[path].replace(b"\r\n", b"\n") + b"\0")
        return total.hexdigest()
