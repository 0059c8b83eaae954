"""Bytes of the authored files to rows; every problem is collected, none raises."""

import csv
import hashlib
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emhwatch.tables import overlay
from emhwatch.tables.overlay import Rule
from emhwatch.tables.problem import Problem

_LINE_END = b"\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One CSV row with its line number."""

    file: str
    line: int  #: rows of a site overlay count on after the last line of our file, see `TableFiles.problem`
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def list(self, column: str) -> tuple[str, ...]:
        """A cell that holds a list, separated by blanks."""
        return tuple(self.cells[column].split())


@dataclass
class TableFiles:
    """All files of a table set by relative path ("mappings/keys.csv"), and the problems met so far."""

    files: Mapping[str, bytes]
    origin: str  #: "checkout", "wheel", "setting"
    site: Mapping[str, bytes] = field(default_factory=dict)  #: files of a site overlay, laid over `files`
    problems: list[Problem] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)  #: those of files that could not be read at all
    read: dict[str, set[str]] = field(default_factory=dict)  #: file -> columns that something asked for

    def told(self) -> list[Problem]:
        """The problems, sorted. While a file cannot be read at all, only that: the rest would follow from it."""
        return sorted(self.unreadable or self.problems)

    def problem(self, file: str, line: int, key: str, problem: str, remedy: str, *, unreadable: bool = False) -> None:
        """Collect one problem; a line after the end of our file is one of the site's file."""
        ours = _lines(self.files.get(file, b""))
        if file in self.site and line > ours:
            file, line = f"overlay/{file}", line - ours
        found = Problem(file, line, key, problem, remedy)
        if found not in self.problems:
            self.problems.append(found)
            self.unreadable += [found] if unreadable else []

    def under(self, folder: str, suffix: str) -> list[str]:
        """Paths below a folder, sorted."""
        return sorted(p for p in {*self.files, *self.site} if p.startswith(folder) and p.endswith(suffix))

    def csv(self, path: str, columns: Sequence[str], *, may_be_empty: bool = False) -> list[Row]:
        """Rows of a CSV file; `columns` must all be there. Lines that start with `#` are notices."""
        self.read.setdefault(path, set()).update(columns)
        if path not in self.files and path not in self.site:
            self.problem(path, 0, "file", "missing", "restore the file", unreadable=True)
            return []
        rows = self._rows(path, self.files[path], columns) if path in self.files else []
        if path in self.site:
            rows = self._laid_over(path, rows, columns)
        if not rows and not may_be_empty and not any(p.file == path for p in self.problems):
            self.problem(
                path, 0, "file", "the table is empty", "add rows; an empty table would silently switch a rule off"
            )
        return rows

    def header(self, path: str) -> list[str]:
        """Names of the columns of a CSV file."""
        raw = self.files.get(path) or self.site.get(path, b"")
        lines = [line for line in raw.decode("utf-8", "replace").splitlines() if not line.startswith("#")]
        return next(csv.reader(lines[:1]), [])

    def toml(self, path: str) -> dict[str, Any]:
        """A TOML file, `{}` with a problem when it cannot be read."""
        self.read.setdefault(path, set())
        found: dict[str, Any] = {}
        if path in self.files:
            found = self._toml(path, self.files[path])
        elif path not in self.site:
            self.problem(path, 0, "file", "missing", "restore the file", unreadable=True)
        if path not in self.site:
            return found
        rule = overlay.rule_for(self.rules, path)
        if rule is None or (rule.mode != "merge" and path in self.files):
            return found  # refused where the files are checked, see `check_overlay`
        return overlay.merge(found, self._toml(path, self.site[path]))

    def check_overlay(self) -> None:
        """Refuse files of the site that no rule allows."""
        for path in sorted(self.site):
            rule = overlay.rule_for(self.rules, path)
            if rule is None:
                self.problem(f"overlay/{path}", 0, "file", "a site may not lay this file over ours", "remove it")
            elif path in self.files and (rule.mode == "merge") != path.endswith(".toml"):
                self.problem(f"overlay/{path}", 0, "file", "the file is one of ours", "give it another name")
            elif rule.mode == "merge":
                ours, theirs = self._toml(path, self.files[path]), self._toml(path, self.site[path])
                for name in overlay.locked_fields(ours, theirs, rule.columns):
                    self.problem(f"overlay/{path}", 0, name, "the field may not be changed by a site", rule.why)

    def digest(self) -> str:
        """SHA-256 over sorted paths and contents with LF line ends, those of a site overlay after ours."""
        total = hashlib.sha256()
        for prefix, files in (("", self.files), ("overlay/", self.site)):
            for path in sorted(files):
                content = files[path].replace(b"\r\n", _LINE_END)
                total.update(f"{prefix}{path}".encode() + b"\0" + content + b"\0")
        return total.hexdigest()

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """What a site may lay over (`mappings/overlay.csv`)."""
        found = []
        for row in self._rows(overlay.PATH, self.files.get(overlay.PATH, b""), overlay.COLUMNS):
            bounds = tuple(overlay.parse_bound(word) for word in row.list("only"))
            if row["mode"] not in overlay.MODES or None in bounds:
                self.problem(overlay.PATH, row.line, row["file"], "unknown mode or bound", "see the notice at the top")
                continue
            only = tuple(bound for bound in bounds if bound)
            found.append(Rule(row["file"], row["mode"], row.list("key"), row.list("columns"), only, row["why"]))
        return tuple(found)

    def _laid_over(self, path: str, rows: list[Row], columns: Sequence[str]) -> list[Row]:
        rule = overlay.rule_for(self.rules, path)
        if rule is None:
            return rows
        first = _lines(self.files.get(path, b""))
        needed = columns if rule.mode == "add" else rule.key
        placed = {rule.key_of(row.cells): place for place, row in enumerate(rows)}
        for theirs in self._rows(path, self.site[path], needed, first_line=first):
            place = placed.get(rule.key_of(theirs.cells))
            ours = rows[place].cells if place is not None else None
            if fault := rule.fault(ours, theirs.cells, columns):
                self.problem(path, theirs.line, next(iter(theirs.cells.values()), ""), fault, rule.why)
            elif place is None:
                rows.append(theirs)
            else:
                rows[place] = Row(path, theirs.line, {**rows[place].cells, **theirs.cells})
        return rows

    def _rows(self, path: str, raw: bytes, columns: Sequence[str], first_line: int = 0) -> list[Row]:
        try:
            body = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = first_line + raw[: error.start].count(_LINE_END) + 1
            self.problem(path, line, "encoding", "not UTF-8", "save the file as UTF-8", unreadable=True)
            return []
        skipped = first_line
        while body.startswith("#"):
            body = body.partition("\n")[2]
            skipped += 1
        reader = csv.reader(io.StringIO(body), strict=True)
        rows: list[Row] = []
        try:
            header = next(reader, [])
            if absent := [c for c in columns if c not in header]:
                at, remedy = skipped + 1, "add it to the header row"
                self.problem(path, at, ",".join(absent), "column missing", remedy, unreadable=True)
                return []
            for cells in reader:
                line = reader.line_num + skipped
                if len(cells) == len(header):
                    rows.append(Row(path, line, dict(zip(header, cells, strict=True))))
                elif cells:
                    wrong = f"{len(cells)} cells for {len(header)} columns"
                    self.problem(path, line, cells[0], wrong, "quote cells that hold a comma")
        except csv.Error:
            at = reader.line_num + skipped
            self.problem(path, at, "row", "not valid CSV", "check the quotes of this row", unreadable=True)
        return rows

    def _toml(self, path: str, raw: bytes) -> dict[str, Any]:
        try:
            return tomllib.loads(raw.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            line = getattr(error, "lineno", 0) or 0
            remedy = f"correct it ({error})" if line == 0 else "correct it"
            self.problem(path, line, "file", "not valid TOML", remedy, unreadable=True)
            return {}


def _lines(raw: bytes) -> int:
    return raw.count(_LINE_END) + (not raw.endswith(_LINE_END) if raw else 0)
