"""Reads every labelled text and counts what is right, by kind."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emhwatch.model.reading import Reading, TextMass
from emhwatch.tables.text import TextTables
from emhwatch.text.read import read_report
from emhwatch.types import Experiencer
from tests.corpus.text.labels import Labelled, Mass

_ORDER = ("absent", "possible", "present")


@dataclass(frozen=True)
class Judged:
    """One label of one text, and what was read."""

    id: str
    half: str
    kind: str
    label: str
    read: str
    right: bool


def judge(texts: Iterable[Labelled], tables: TextTables) -> list[Judged]:
    """Every label of every text."""
    return [judged for text in texts for judged in _judge(text, tables)]


def counts(judged: Iterable[Judged]) -> dict[tuple[str, str], tuple[int, int]]:
    """(half, kind) to the number right and the number of all."""
    right: Counter[tuple[str, str]] = Counter()
    every: Counter[tuple[str, str]] = Counter()
    for one in judged:
        every[one.half, one.kind] += 1
        right[one.half, one.kind] += one.right
    return {place: (right[place], every[place]) for place in sorted(every)}


def _judge(text: Labelled, tables: TextTables) -> Iterator[Judged]:
    reading = read_report(text.text, tables, modality=text.modality)
    values = _values(reading)

    def verdict(kind: str, label: str, read: str, right: bool) -> Judged:
        return Judged(text.id, text.half, kind, label, read, right)

    for key, wanted in text.expect.items():
        read = values.get(key, "unknown")
        kind = "avoided" if "unknown" in wanted else next(value for value in _ORDER if value in wanted)
        yield verdict(kind, f"{key}={'/'.join(sorted(wanted))}", read, read in wanted)
    if not text.masses:
        return
    yield verdict("masses counted", str(len(text.masses)), str(len(reading.masses)), _same_number(text, reading))
    free = list(reading.masses)
    for mass in text.masses:
        found = max(free, key=lambda one: _agreement(mass, one), default=None)
        if found is not None:
            free.remove(found)
        name = " ".join((mass.side or "-", "-".join(mass.levels or ("-",)), f"{mass.size_mm or '-'}mm"))
        yield verdict(
            "mass found", f"{mass.value} {name}", _told(found), found is not None and found.value == mass.value
        )
        for kind, wanted_part, read_part in _parts(mass, found):
            yield verdict(kind, f"{name}: {wanted_part}", str(read_part), wanted_part == read_part)
        for feature in mass.features:
            of_it = found is not None and any(f.key == feature and f.mass == found.index for f in reading.findings)
            yield verdict("mass feature", f"{name}: {feature}", str(of_it), of_it)


def _values(reading: Reading) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in _ORDER:
        for finding in reading.findings:
            if finding.value == value and finding.experiencer is Experiencer.PATIENT:
                found[finding.key] = value
    return found


def _same_number(text: Labelled, reading: Reading) -> bool:
    return len(text.masses) == len([mass for mass in reading.masses if mass.value != "absent"])


def _parts(mass: Mass, found: TextMass | None) -> Iterator[tuple[str, object, object]]:
    """What was stated of a mass, and what was read."""
    if mass.side:
        yield "mass side", mass.side, str(found.side) if found else None
    if mass.levels:
        yield "mass levels", mass.levels, (found.levels[0], found.levels[-1]) if found and found.levels else None
    if mass.size_mm:
        yield "mass size", mass.size_mm, found.size_mm if found else None
    if mass.site_class:
        yield "mass class", mass.site_class, found.site_class if found else None


def _agreement(mass: Mass, found: TextMass) -> int:
    return sum(wanted == read for _, wanted, read in _parts(mass, found))


def _told(found: TextMass | None) -> str:
    return (
        f"{found.value} {found.side or '-'} {'-'.join(found.levels[:: len(found.levels) - 1 or 1])}"
        if found
        else "none"
    )
