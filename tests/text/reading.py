"""Short names for what the tests ask of a reading."""

from functools import cache

from emhwatch.model.reading import Reading
from emhwatch.tables.load import load_tables
from emhwatch.tables.text import TextTables
from emhwatch.text.read import read_report
from emhwatch.types import Experiencer, Value

ORDER = (Value.PRESENT, Value.POSSIBLE, Value.ABSENT)


@cache
def tables() -> TextTables:
    return load_tables().text


def read(text: str, modality: str | None = None, language: str | None = None) -> Reading:
    return read_report(text, tables(), modality=modality, language=language)


def values(text: str, modality: str | None = None, language: str | None = None) -> dict[str, str]:
    """Key to the strongest value of the patient in a text."""
    found: dict[str, str] = {}
    for value in reversed(ORDER):
        for finding in read(text, modality, language).findings:
            if finding.value is value and finding.experiencer is Experiencer.PATIENT:
                found[finding.key] = str(value)
    return found
