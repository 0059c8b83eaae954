"""Sign tables: names that are recognised by a known code, another code, the start of a code, or words.

Shared by the tables of `mappings/chart/`; columns `name,sign,system,value`. A known code (`mappings/concepts.csv`)
counts by its concept, its role, or `role/value`. Systems are keys of `terminology/systems.toml`, or the URL in lower
case where that does not know them. Words are compared without case, accents and punctuation; a `*` at the end stands
for any ending of the last word.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from emhwatch.tables.source import TableFiles

COLUMNS = ("name", "sign", "system", "value")
SIGNS = frozenset(("concept", "role", "code", "any-code", "prefix", "word", "not-word"))


@lru_cache(maxsize=2048)  # names of codes come again and again
def plain(text: str) -> str:
    """Words of a text, lower case without accents and punctuation, each between blanks."""
    letters = (c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))
    words = "".join(c if c.isalnum() else " " for c in letters).split()
    return f" {' '.join(words)} " if words else ""


def _phrase(value: str) -> str:
    stem = value.endswith("*")
    words = plain(value.removesuffix("*"))
    return words[:-1] if stem else words


@dataclass(frozen=True, slots=True)
class SignTable:
    """All signs of one table; names keep the order of the table."""

    names: tuple[str, ...] = ()
    meanings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: by concept, role or "role/value"
    codes: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    prefixes: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  #: system: (prefix, name)
    words: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  #: first word: (phrase, name)
    stems: tuple[tuple[str, str], ...] = ()  #: phrases whose first word is only begun
    not_words: tuple[tuple[str, str], ...] = ()

    def by_meaning(self, meanings: Iterable[str]) -> set[str]:
        """Names that a known code stands for; `meanings`: its concept, its role and "role/value"."""
        return {name for meaning in meanings for name in self.meanings.get(meaning, ())}

    def by_code(self, codings: Iterable[tuple[str, str]]) -> set[str]:
        """Names that a code, or the start of one, stands for."""
        found: set[str] = set()
        for system, code in codings:
            found.update(self.codes.get((system, code), ()))
            found.update(self.codes.get(("", code), ()))
            found.update(name for prefix, name in self.prefixes.get(system, ()) if code.startswith(prefix))
        return found

    def by_words(self, words: str, *, longest: bool = False) -> set[str]:
        """Names of the phrases in `words` (as `plain` gives them), without those that a not-word forbids.

        With `longest`, a phrase inside a longer one that was found does not count.
        """
        matches = [item for word in words.split() for item in self.words.get(word, ()) if item[0] in words]
        matches += [item for item in self.stems if item[0] in words]
        if longest:
            taken, kept = words, []
            for phrase, name in sorted(matches, key=lambda item: (-len(item[0]), item)):
                if phrase in taken:
                    kept.append((phrase, name))
                    taken = taken.replace(phrase, "  " if phrase.endswith(" ") else " ")
            matches = kept
        found = {name for _, name in matches}
        return found - self.forbidden(words) if found else found

    def forbidden(self, words: str) -> set[str]:
        """Names that a not-word in `words` rules out."""
        return {name for phrase, name in self.not_words if phrase in words}

    def ordered(self, found: set[str]) -> tuple[str, ...]:
        """Names in the order of the table."""
        return tuple(name for name in self.names if name in found)


def parse_signs(files: TableFiles, path: str, *, more: tuple[str, ...] = ()) -> SignTable:
    """Read one sign table; problems go to `files`."""
    names: dict[str, None] = {}
    meanings: dict[str, list[str]] = {}
    codes: dict[tuple[str, str], list[str]] = {}
    prefixes: dict[str, list[tuple[str, str]]] = {}
    words: list[tuple[str, str]] = []
    not_words: list[tuple[str, str]] = []
    for row in files.csv(path, (*COLUMNS, *more)):
        name, sign, system, value = (row[column] for column in COLUMNS)
        names.setdefault(name)
        if sign not in SIGNS:
            files.problem(path, row.line, name, f"unknown sign {sign}", f"use one of {' '.join(sorted(SIGNS))}")
        elif not value or (sign in ("code", "prefix") and not system):
            files.problem(path, row.line, name, "sign without system or value", "fill both")
        elif sign in ("concept", "role"):
            meanings.setdefault(value, []).append(name)
        elif sign in ("code", "any-code"):
            codes.setdefault((system, value), []).append(name)
        elif sign == "prefix":
            prefixes.setdefault(system, []).append((value, name))
        elif not _phrase(value).strip():
            files.problem(path, row.line, name, "a word without letters", "write a word")
        else:
            (words if sign == "word" else not_words).append((_phrase(value), name))
    indexed: dict[str, list[tuple[str, str]]] = {}
    stems: list[tuple[str, str]] = []
    for phrase, name in words:
        if " " in phrase.strip() or phrase.endswith(" "):
            indexed.setdefault(phrase.split()[0], []).append((phrase, name))
        else:
            stems.append((phrase, name))
    return SignTable(
        names=tuple(names),
        meanings={key: tuple(found) for key, found in meanings.items()},
        codes={key: tuple(found) for key, found in codes.items()},
        prefixes={key: tuple(found) for key, found in prefixes.items()},
        words={key: tuple(found) for key, found in indexed.items()},
        stems=tuple(stems),
        not_words=tuple(not_words),
    )
