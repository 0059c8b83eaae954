"""`mappings/text/`: what statements become: findings, masses, sites, structures, modalities."""

from collections.abc import Mapping
from dataclasses import dataclass

from emhwatch.tables import constants
from emhwatch.tables import keys as key_tables
from emhwatch.tables.source import Row, TableFiles
from emhwatch.types import Value

FOLDER = "mappings/text"
KINDS = frozenset(("finding", "disease", "diagnosis", "tumor", "context", "twin"))
FILM = "film"  #: class A1 on a plain film, on other images no site
CLASSES = frozenset(("A1", "A2", "none", "other", FILM))
#: Names that the engine asks for; their values are keys, terms and words of the tables.
ROLE_KEYS = tuple(
    """mass bilateral unilateral multiplicity level_low level_mid whole_spine size thoracic lumbar collection rim emh
    emh_organs other_organs spleen liver_iron histology_emh histology_other biopsy biopsy_done film_density film_mass
    cyst unchanged spleen_lost""".split()  # noqa: SIM905 - a list of this length is read more easily as words
)
ROLE_TERMS = tuple(
    """right left bilateral midline pointer measured deficit thoracic low mid lumbar whole another further many number
    two organs touches spine only_at_spine pleural with_pleural own_place spinal differential known
    histology_result own_negation blood_organs biopsy biopsy_other recommend biopsy_against pending done elsewhere_sites
    own_sites nondiagnostic tissue_emh tissue_diagnoses natures fluid link further_sites cyst spleen_length
    liver_value native hu""".split()  # noqa: SIM905 - as above
)


@dataclass(frozen=True, slots=True)
class FindingRule:
    """A row of `findings.csv`."""

    id: str
    key: str
    need: tuple[frozenset[str], ...]
    told: frozenset[str]  #: terms that stand here or earlier in the report, one of them
    avoid: frozenset[str]
    near: int
    kind: str
    most: Value
    denied: str
    of_mass: bool


@dataclass(frozen=True, slots=True)
class Site:
    """A row of `sites.csv`."""

    term: str
    site_class: str
    key: str
    region: str
    film: bool = False  #: a site on plain films only


@dataclass(frozen=True, slots=True)
class Noun:
    """A row of `nouns.csv`: a word for a mass and its value by kind of modality, None = none there."""

    term: str
    value: Value | None
    film: Value | None
    key: str


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """All rules of the reader by what triggers them."""

    by_anchor: Mapping[str, tuple[FindingRule, ...]]
    told: frozenset[str]  #: terms that a rule asks for that may stand in an earlier sentence
    structures: Mapping[str, tuple[tuple[str, Value], ...]]  #: what "normal" says of a structure
    sites: Mapping[str, Site]
    nouns: Mapping[str, Noun]
    named: frozenset[str]  #: terms that name a mass
    modalities: Mapping[str, str]
    roles: Mapping[str, str]  #: name in the engine -> key of the policy
    terms: Mapping[str, frozenset[str]]  #: name in the engine -> terms of the lexicon
    follows: Mapping[str, tuple[str, ...]]  #: key that follows from a mass as a whole -> terms that state it
    danger: frozenset[str]  #: keys that a question in the impression makes possible
    of_mass: frozenset[str]
    policy: frozenset[str]  #: all keys of the policy
    spleen_mm: int  #: length of the spleen above which an adult's is large
    liver_hu: int  #: attenuation of the unenhanced liver above which it holds iron
    analytes: Mapping[str, str]  #: term -> analyte
    units: frozenset[str]  #: words and signs of units of laboratory values
    comparators: frozenset[str]
    high_terms: frozenset[str]  #: terms that call a value high

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the policy that a text can set."""
        found = {rule.key for rules in self.by_anchor.values() for rule in rules}
        found |= {rule.denied for rules in self.by_anchor.values() for rule in rules}
        found |= {site.key for site in self.sites.values()} | {noun.key for noun in self.nouns.values()}
        return frozenset((found | set(self.roles.values())) & self.policy)

    def terms_of(self, key: str) -> tuple[str, ...]:
        """Terms whose phrases can set a key."""
        found = [anchor for anchor, rules in self.by_anchor.items() if any(key in (r.key, r.denied) for r in rules)]
        found += [site.term for site in self.sites.values() if site.key == key]
        found += [noun.term for noun in self.nouns.values() if noun.key == key]
        return tuple(dict.fromkeys((*found, *self.follows.get(key, ()))))

    @property
    def read_terms(self) -> frozenset[str]:
        """Terms that something asks for."""
        found = {*self.by_anchor, *self.sites, *self.nouns, *self.structures, *self.analytes, *self.high_terms}
        for rule in (rule for rules in self.by_anchor.values() for rule in rules):
            found.update(rule.avoid, rule.told, *rule.need)
        return frozenset(found.union(*self.terms.values()))


def parse(files: TableFiles, known: frozenset[str]) -> ReadingRules:
    """Read and check the rules; `known` are the terms of all lexicons."""
    keys = key_tables.parse(files)
    named = files.toml(f"{FOLDER}/roles.toml")
    roles = {str(k): str(v) for k, v in named.get("keys", {}).items()}
    for name in ROLE_KEYS:
        if name not in roles:
            files.problem(f"{FOLDER}/roles.toml", 0, name, "missing", "name the key")
    nouns = {
        row["term"]: Noun(row["term"], _value(row["value"]), _value(row["film"]), row["key"])
        for row in files.csv(f"{FOLDER}/nouns.csv", ("term", "value", "film", "key"))
        if _terms(row, ("term",), known, files)
    }
    labs = files.toml(f"{FOLDER}/labs.toml")
    limits = constants.parse(files)
    by_anchor = _findings(files, keys, roles, known)
    terms = _roles(named.get("terms", {}), known, files)
    return ReadingRules(
        by_anchor=by_anchor,
        told=terms.get("native", frozenset()).union(*[rule.told for rules in by_anchor.values() for rule in rules]),
        structures=_structures(files, keys, known),
        sites={
            row["term"]: _site(row)
            for row in files.csv(f"{FOLDER}/sites.csv", ("term", "class", "key", "region"))
            if _terms(row, ("term",), known, files) and _one_of(row, "class", CLASSES, files)
        },
        nouns=nouns,
        named=frozenset(nouns),
        modalities={row["code"]: row["kind"] for row in files.csv(f"{FOLDER}/modalities.csv", ("code", "kind"))},
        roles=roles,
        terms=terms,
        follows=_follows(named.get("follows", {}), known, keys, files),
        danger=frozenset(keys.role("danger")),
        of_mass=frozenset(key for key, row in keys.by_key.items() if row.of_mass) | {roles.get("unchanged", "")},
        policy=frozenset(keys.by_key),
        spleen_mm=limits.get("spleen_length", 0),
        liver_hu=limits.get("liver_hu", 0),
        analytes={str(k): str(v) for k, v in labs.get("analytes", {}).items()},
        units=frozenset(str(labs.get("units", "")).split()),
        comparators=frozenset(str(labs.get("comparators", "")).split()),
        high_terms=frozenset(str(labs.get("high", "")).split()),
    )


def _site(row: Row) -> Site:
    film = row["class"] == FILM
    return Site(row["term"], "A1" if film else row["class"], row["key"], row["region"], film)


def _structures(
    files: TableFiles, keys: key_tables.KeyTables, known: frozenset[str]
) -> dict[str, tuple[tuple[str, Value], ...]]:
    found: dict[str, tuple[tuple[str, Value], ...]] = {}
    for row in files.csv(f"{FOLDER}/structures.csv", ("structure", "keys", "value")):
        for key in row.list("keys"):
            if key not in keys.by_key:
                files.problem(row.file, row.line, key, "not a key of findings", "use a key of mappings/keys.csv")
        if _terms(row, ("structure",), known, files):
            value = _value(row["value"]) or Value.ABSENT
            found[row["structure"]] = found.get(row["structure"], ()) + tuple((key, value) for key in row.list("keys"))
    return found


def _roles(named: Mapping[str, str], known: frozenset[str], files: TableFiles) -> dict[str, frozenset[str]]:
    path = f"{FOLDER}/roles.toml"
    terms = {name: frozenset(str(words).split()) for name, words in named.items()}
    for name in ROLE_TERMS:
        if not terms.get(name):
            files.problem(path, 0, name, "missing or empty", "name the terms")
    for name, found in terms.items():
        for term in sorted(found - known):
            files.problem(path, 0, f"{name} {term}", "no phrase has this term", "add phrases, or correct it")
    return terms


def _follows(
    named: Mapping[str, str], known: frozenset[str], keys: key_tables.KeyTables, files: TableFiles
) -> dict[str, tuple[str, ...]]:
    found = {str(key): tuple(str(words).split()) for key, words in named.items()}
    for key, terms in found.items():
        for name in (*({key} - keys.by_key.keys()), *(term for term in terms if term not in known)):
            files.problem(f"{FOLDER}/roles.toml", 0, name, "unknown key or term", "correct it")
    return found


def _findings(
    files: TableFiles, keys: key_tables.KeyTables, roles: Mapping[str, str], known: frozenset[str]
) -> dict[str, tuple[FindingRule, ...]]:
    path = f"{FOLDER}/findings.csv"
    columns = ("key", "anchor", "need", "told", "avoid", "near", "kind", "value", "denied")
    found: dict[str, list[FindingRule]] = {}
    for row in files.csv(path, columns):
        ok = _terms(row, ("anchor", "need", "told", "avoid"), known, files) and _one_of(row, "kind", KINDS, files)
        for column in ("key", "denied"):
            if row[column] in (roles.get("unchanged"), roles.get("spleen_lost")):
                continue
            if row[column] and (row[column] not in keys.by_key or keys.by_key[row[column]].general):
                files.problem(path, row.line, row[column], "not a key of findings", "use a key of mappings/keys.csv")
                ok = False
        if not row["near"].isdecimal():
            files.problem(path, row.line, row["key"], "near is no number", "give a number of words")
            ok = False
        if ok:
            rule = FindingRule(
                f"{row['key']}:{row['anchor']}",
                row["key"],
                tuple(frozenset(group.split("|")) for group in row.list("need")),
                frozenset(row.list("told")),
                frozenset(row.list("avoid")),
                int(row["near"]),
                row["kind"],
                _value(row["value"]) or Value.PRESENT,
                row["denied"],
                row["key"] == roles.get("unchanged") or (row["key"] in keys.by_key and keys.by_key[row["key"]].of_mass),
            )
            found.setdefault(row["anchor"], []).append(rule)
    return {anchor: tuple(rules) for anchor, rules in found.items()}


def _value(cell: str) -> Value | None:
    return Value(cell) if cell in set(Value) else None


def _terms(row: Row, columns: tuple[str, ...], known: frozenset[str], files: TableFiles) -> bool:
    named = {term for column in columns for group in row.list(column) for term in group.split("|")}
    for term in sorted(named - known):
        files.problem(row.file, row.line, term, "no phrase has this term", "add phrases to the lexicon, or correct it")
    return named <= known


def _one_of(row: Row, column: str, allowed: frozenset[str], files: TableFiles) -> bool:
    if row[column] not in allowed:
        files.problem(row.file, row.line, row[column], f"unknown {column}", f"use one of {' '.join(sorted(allowed))}")
        return False
    return True
