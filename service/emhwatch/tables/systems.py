"""`terminology/systems.toml`: code systems with their URLs, identifier rules and licences."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emhwatch.tables.checkdigit import mod10, verhoeff
from emhwatch.tables.source import TableFiles

PATH = "terminology/systems.toml"
CHECKS: Mapping[str, Callable[[str], bool]] = {"verhoeff": verhoeff, "mod10": mod10}
MATCHES = ("exact", "prefix")
_NEEDED = ("url", "title", "release", "licence", "copyright", "pattern")
_KNOWN = frozenset(
    (
        *_NEEDED,
        "aliases",
        "match",
        "check",
        "strip",
        "dot_after",
        "cut",
        "prefix",
        "codes_of",
        "enabled",
        "case_sensitive",
    )
)


@dataclass(frozen=True, slots=True)
class System:
    """One code system."""

    key: str
    url: str
    title: str
    release: str
    licence: str
    copyright: str
    pattern: re.Pattern[str]
    aliases: tuple[str, ...] = ()
    subcodes: bool = False  #: a row covers its subcodes
    check: str | None = None
    strip: str = ""
    dot_after: int | None = None
    cut: str = ""
    prefix: str = ""
    codes_of: str | None = None
    enabled: bool = True
    case_sensitive: bool = False

    def normalize(self, code: str) -> str:
        """The code as it stands in our tables."""
        code = code.strip()
        if not self.case_sensitive:
            code = code.upper()
        if self.prefix and code.startswith(self.prefix):
            code = code[len(self.prefix) :]
        for character in self.cut:
            code = code.partition(character)[0]
        if self.strip:
            code = code.rstrip(self.strip).rstrip(".")
        if self.dot_after is not None and "." not in code and len(code) > self.dot_after:
            code = f"{code[: self.dot_after]}.{code[self.dot_after :]}"
        return code

    def fault(self, code: str) -> str | None:
        """What is wrong with a code of this system; None when it may be one."""
        if not self.pattern.fullmatch(code):
            return "no code of this system"
        if self.check and not CHECKS[self.check](code):
            return "wrong check digit"
        return None


@dataclass(frozen=True, slots=True)
class SystemTables:
    """All systems by key and by every URL that means them."""

    by_key: Mapping[str, System]
    by_url: Mapping[str, System]

    def find(self, uri: str | None) -> System | None:
        """The system of a `Coding.system`: URL with or without version or slash, or OID."""
        if not uri:
            return None
        return self.by_url.get(_plain(uri))


def parse(files: TableFiles) -> SystemTables:
    """Read and check the systems; problems go to `files`."""
    by_key: dict[str, System] = {}
    by_url: dict[str, System] = {}
    for key, block in files.toml(PATH).items():
        system = _system(files, key, block)
        if system is None:
            continue
        by_key[key] = system
        for url in (system.url, *system.aliases):
            if by_url.setdefault(_plain(url), system) is not system:
                files.problem(PATH, 0, key, "a URL stands under two systems", "keep it under one")
    for system in by_key.values():
        if system.codes_of and system.codes_of not in by_key:
            files.problem(PATH, 0, system.key, "codes_of names no system", "use the key of another block")
    return SystemTables(by_key, by_url)


def _system(files: TableFiles, key: str, block: Any) -> System | None:  # noqa: ANN401 - TOML
    if not isinstance(block, dict):
        files.problem(PATH, 0, key, "not a block", "write [key] and its fields below it")
        return None
    absent = [name for name in _NEEDED if not isinstance(block.get(name), str)]
    if absent:
        files.problem(PATH, 0, key, f"{absent[0]} is missing", "add it")
        return None
    if unknown := sorted(block.keys() - _KNOWN):
        files.problem(PATH, 0, key, f"unknown field {unknown[0]}", f"use {' '.join(sorted(_KNOWN))}")
    if block.get("match", "exact") not in MATCHES or block.get("check", "mod10") not in CHECKS:
        files.problem(PATH, 0, key, "unknown match or check", f"use {' '.join((*MATCHES, *CHECKS))}")
        return None
    try:
        pattern = re.compile(block["pattern"])
    except re.error:
        files.problem(PATH, 0, key, "pattern is no regular expression", "correct it")
        return None
    return System(
        key=key,
        url=block["url"],
        title=block["title"],
        release=block["release"],
        licence=block["licence"],
        copyright=block["copyright"],
        pattern=pattern,
        aliases=tuple(block.get("aliases", ())),
        subcodes=block.get("match") == "prefix",
        check=block.get("check"),
        strip=block.get("strip", ""),
        dot_after=block.get("dot_after"),
        cut=block.get("cut", ""),
        prefix=block.get("prefix", ""),
        codes_of=block.get("codes_of"),
        enabled=bool(block.get("enabled", True)),
        case_sensitive=bool(block.get("case_sensitive", False)),
    )


def _plain(uri: str) -> str:
    return uri.strip().partition("|")[0].rstrip("/").lower()
