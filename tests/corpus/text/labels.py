"""The labelled texts of this folder and what is expected of each (rules of labelling: README.md)."""

import csv
import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_SIDES = frozenset(("right", "left", "bilateral", "midline"))
_VALUES = frozenset(("present", "possible", "absent", "unknown"))


@dataclass(frozen=True)
class Mass:
    """A mass that a text describes; what is None or empty was not stated and is not judged."""

    value: str
    side: str | None
    levels: tuple[str, str] | None
    size_mm: float | None
    site_class: str | None
    features: tuple[str, ...]


@dataclass(frozen=True)
class Labelled:
    """One text with its labels: key to the values that are right."""

    id: str
    language: str
    modality: str
    text: str
    expect: dict[str, frozenset[str]]
    masses: tuple[Mass, ...]

    @property
    def half(self) -> str:
        """`dev` is read while the reader is improved, `held` is scored only; decided by the name alone."""
        return "dev" if int(hashlib.sha256(self.id.encode()).hexdigest()[0], 16) < 8 else "held"

    @property
    def report(self) -> bool:
        """A whole report, not a sentence."""
        return "-r" in self.id


@cache
def labelled() -> tuple[Labelled, ...]:
    """All texts. ValueError names the text whose labels cannot be read."""
    return tuple(_all())


def _all() -> Iterator[Labelled]:
    for path in sorted(FOLDER.glob("sentences-*.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                masses = [mass for mass in row["masses"].split(";") if mass.strip()]
                yield _one(row["id"], row["modality"], row["text"].replace("\\n", "\n"), row["expect"], masses)
    for path in sorted(FOLDER.glob("reports-*.toml")):
        for name, entry in tomllib.loads(path.read_text()).items():
            yield _one(name, entry["modality"], entry["text"], entry["expect"], entry.get("masses", []))


def _one(name: str, modality: str, text: str, expect: str, masses: list[str]) -> Labelled:
    wanted: dict[str, frozenset[str]] = {}
    for label in expect.split():
        key, _, values = label.partition("=")
        wanted[key] = frozenset(values.split("/"))
        if not wanted[key] <= _VALUES:
            raise ValueError(f"{name}: {label}: no value of policy 2.1")
    return Labelled(name, name[:2], modality, text, wanted, tuple(_mass(name, mass) for mass in masses))


def _mass(name: str, written: str) -> Mass:
    value, *words = written.split()
    side = levels = size = site_class = None
    features = []
    for word in words:
        if word in _SIDES:
            side = word
        elif word in ("A1", "A2"):
            site_class = word
        elif word.endswith("mm"):
            size = float(word[:-2])
        elif word.startswith("+"):
            features.append(word[1:])
        elif word[0] in "CTLS" and word[-1].isdigit():
            first, _, last = word.partition("-")
            levels = (first, last or first)
        elif word != "-":
            raise ValueError(f"{name}: {word}: not understood")
    return Mass(value, side, levels, size, site_class, tuple(features))
