"""A problem in a table, as its author reads it: file, place, what is wrong, what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Printed as `file:line: key: problem: what to do`."""

    file: str
    line: int  #: 1-based; 0 when the whole file is meant
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.problem}: {self.remedy}"
