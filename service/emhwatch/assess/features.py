"""Keys of one mass over its reports (policy 2.6, 3.4, 6.1, 6.2)."""

from collections import defaultdict
from dataclasses import dataclass, replace

from emhwatch.assess.course import UNCHANGED, dated_course
from emhwatch.assess.evidence import Evidence
from emhwatch.assess.masses import Mass, Mention, mention_fact
from emhwatch.assess.statements import STRENGTH, Statement, TextSource, film, newest, strongest
from emhwatch.model.assessment import Fact
from emhwatch.model.days import Days
from emhwatch.tables.keys import KeyTables
from emhwatch.types import Certainty, Side, Value

_ONE_SIDE = (Side.LEFT, Side.RIGHT)
_LOW_THORACIC = frozenset(f"T{n}" for n in range(7, 13))
_HINTED = (Value.PRESENT, Value.POSSIBLE)
_ALONE = "A2"


@dataclass(frozen=True)
class Features:
    """Values of one mass, each with its evidence."""

    facts: dict[str, Fact]
    rivals: tuple[Fact, ...]
    older_label: Fact | None

    @property
    def values(self) -> dict[str, Value]:
        """Key -> value."""
        return {key: fact.value for key, fact in self.facts.items()}


def features(mass: Mass, evidence: Evidence) -> Features:
    """Everything that is known about one mass."""
    keys, constants = evidence.tables.keys, evidence.tables.decision.constants
    stated = _stated(mass, evidence)
    dated_course(stated, mass, evidence)
    facts: dict[str, Fact] = {}
    for key, statements in stated.items():
        if key == UNCHANGED or keys.has(key, "rival"):
            continue
        if not keys.has(key, "any-age"):
            window = constants["mass_newest_evidence"]
            statements = [s for s in statements if s.days and s.days.within(evidence.chart.t, window)]
        scans = [s for s in statements if not (s.report and film(s.report))]
        chosen = newest(scans or statements)
        if chosen is not None:
            facts[key] = chosen.fact
    _coded_features(facts, evidence)
    _places(facts, mass, keys)
    _further(facts, mass, keys)
    _iron(facts, evidence)
    for key, implied in evidence.tables.decision.implications.items():
        carried = evidence.chosen.get(key)
        for other in implied:
            if carried and keys.by_key[other].of_mass and carried.value is Value.PRESENT:
                facts.setdefault(other, replace(carried.fact, key=other))
    rivals = _rivals(stated, mass, keys)
    facts |= {fact.key: fact for fact in rivals}
    older = _older_label(stated, mass, keys)
    label = keys.one("older-label")
    if older is not None and (label not in facts or STRENGTH[facts[label].value] < STRENGTH[older.value]):
        facts[label] = replace(older, key=label)
    return Features(facts, rivals, older)


def _stated(mass: Mass, evidence: Evidence) -> dict[str, list[Statement]]:
    """Key -> one statement a report, the strongest of that report."""
    keys = evidence.tables.keys
    found: dict[str, list[Statement]] = defaultdict(list)
    for mention in mass.mentions:
        best: dict[str, list[Statement]] = defaultdict(list)
        for statement in _of_report(mention, evidence):
            key = statement.fact.key
            if key == UNCHANGED or (key in keys.by_key and keys.by_key[key].of_mass):
                best[key].append(statement)
        for key, statements in best.items():
            chosen = strongest(statements)
            if chosen is not None:
                found[key].append(chosen)
    return found


def _of_report(mention: Mention, evidence: Evidence) -> list[Statement]:
    report, reading = mention.report, mention.report.reading
    if reading is None or mention.mass is None:
        return []
    source = TextSource(reading, report.reference, report.version, report.days, report.issued or "", "report", report)
    several = sum(mass.value in _HINTED for mass in reading.masses) > 1
    return [
        statement
        for statement in evidence.said(source)
        if statement.finding is not None
        and (
            statement.finding.mass == mention.mass.index
            or (statement.finding.mass is None and (not several or statement.finding.pooled))
        )
    ]


def _coded_features(facts: dict[str, Fact], evidence: Evidence) -> None:
    """Coded findings of a mass (an Observation, a conclusion) where no text states the key."""
    keys = evidence.tables.keys
    for key, statements in evidence.statements.items():
        entry = keys.by_key[key]
        if not entry.of_mass or key in facts or keys.has(key, "mass-word") or keys.has(key, "rival"):
            continue
        coded = [s for s in statements if s.finding is None and s.kind in ("finding", "conclusion", "condition")]
        chosen = strongest(coded)
        if chosen is not None and not {"H", "A"} & set(entry.groups):
            facts[key] = chosen.fact


def _places(facts: dict[str, Fact], mass: Mass, keys: KeyTables) -> None:
    """Site, level, side and number, as the mass itself was read (policy 6.1)."""

    def put(role: str) -> None:
        key = keys.one(role)
        if key not in facts or facts[key].value is not Value.PRESENT:
            facts[key] = replace(mass.evidence, key=key, value=Value.PRESENT)

    for site in mass.site_keys:
        if site in keys.by_key and site not in facts:
            facts[site] = replace(mass.evidence, key=site, value=Value.PRESENT)
    thoracic = any(level.startswith("T") for level in mass.levels)
    if mass.site_class == _ALONE:
        facts.pop(keys.one("thoracic"), None)
    elif thoracic:
        put("thoracic")
    if mass.levels and all(level.startswith("L") for level in mass.levels) and keys.one("thoracic") not in facts:
        put("lumbar")
    else:
        facts.pop(keys.one("lumbar"), None)
    if _LOW_THORACIC & set(mass.levels) or keys.one("whole-spine") in facts:
        put("low-thoracic")
    if mass.side is Side.BILATERAL:
        put("bilateral")
    elif mass.side in _ONE_SIDE and keys.one("bilateral") not in facts:
        put("unilateral")
    if mass.count is not None and (mass.count > 2 or (mass.count > 1 and mass.side in _ONE_SIDE)):
        put("multiple")
    key = keys.one("mass")
    facts[key] = replace(mass.evidence, value=mass.value)


def _further(facts: dict[str, Fact], mass: Mass, keys: KeyTables) -> None:
    """A lesion apart, beside the ribs or the kidneys, unless it is all that makes several (policy 6.1)."""
    apart = {key for key in keys.by_key if keys.has(key, "further-site")}
    own = {key for key in keys.by_key if keys.has(key, "own-further-site")} & set(mass.site_keys)
    counted = mass.count is not None and mass.count > 2 and bool(set(mass.site_keys) - apart)
    others = [
        (mention, other)
        for mention in mass.mentions
        if mention.mass is not None and mention.report.reading is not None and not film(mention.report)
        for other in mention.report.reading.masses
        if other.index != mention.mass.index and other.value is Value.PRESENT and other.site_keys
        if apart.issuperset(other.site_keys)
    ]
    key = keys.one("other-site")
    if own and counted:
        facts.setdefault(key, replace(mass.evidence, key=key, value=Value.PRESENT))
    elif others:
        facts.setdefault(key, mention_fact(key, Value.PRESENT, *others[0]))


def _iron(facts: dict[str, Fact], evidence: Evidence) -> None:
    """T2-low with an iron context is iron (policy 6.1)."""
    keys = evidence.tables.keys
    low, iron = keys.one("t2-low"), keys.one("iron-signal")
    if low not in facts or facts[low].value is not Value.PRESENT:
        return
    context = any(evidence.values.get(key) is Value.PRESENT for key in keys.role("iron-context"))
    if context or evidence.chart.transfusions:
        if iron not in facts or facts[iron].value is not Value.PRESENT:
            facts[iron] = replace(facts[low], key=iron)
        del facts[low]


def _rivals(stated: dict[str, list[Statement]], mass: Mass, keys: KeyTables) -> tuple[Fact, ...]:
    """Rivals that the current report names (policy 6.2)."""
    current = mass.report
    return tuple(
        statement.fact for key in keys.role("rival") for statement in stated.get(key, ()) if statement.report is current
    )


def _older_label(stated: dict[str, list[Statement]], mass: Mass, keys: KeyTables) -> Fact | None:
    """Another diagnosis that an older report gave; hedged, or one of several: possible."""
    found: list[Statement] = []
    for key in keys.role("rival"):
        for statement in stated.get(key, ()):
            if statement.report is mass.report or statement.value not in _HINTED or statement.finding is None:
                continue
            hedged = statement.value is Value.POSSIBLE or statement.finding.certainty is Certainty.HEDGED
            value = Value.POSSIBLE if hedged else Value.PRESENT
            found.append(replace(statement, fact=replace(statement.fact, value=value)))
    best = strongest(found)
    return best.fact if best is not None else None


def sampled_after(sample: Days | None, mass: Mass) -> bool:
    """Whether a sample was not taken before the mass was first seen (policy 5.3)."""
    first = mass.first_seen
    return first is None or (sample is not None and sample.first >= first.first)
