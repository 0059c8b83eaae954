"""The blood side with its evidence: grounds, causes, hemoglobin points, computed keys."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from emhwatch.assess.evidence import Evidence
from emhwatch.assess.grade import Grading
from emhwatch.assess.hemoglobin import Judged
from emhwatch.model.assessment import Blood, Fact, Ground, HbPoint
from emhwatch.tables.grades import GroundRule
from emhwatch.types import Grade, Source, Value


def blood_of(grading: Grading, evidence: Evidence) -> Blood:
    """Grade B with everything that carries it."""
    grounds = tuple(Ground(id=rule.id, facts=_ground_facts(rule, grading, evidence)) for rule in grading.grounds)
    suspected = grading.grade is Grade.SUSPECTED
    return Blood(
        grade=grading.grade,
        grounds=grounds,
        causes=_facts(grading.present("b3-cause", grading.person.values), evidence) + _iron(grading),
        partial=tuple(fact for ground in grounds for fact in ground.facts) if suspected else (),
        hb=tuple(_point(judged) for judged in grading.hemoglobin.samples),
        mcv=_mcv(grading),
    )


def extra_facts(grading: Grading, evidence: Evidence, ages: Mapping[str, Value]) -> Iterable[Fact]:
    """Keys that are computed (policy 17) and not already stated."""
    keys = grading.keys
    chart = evidence.chart
    born = Fact(key=keys.one("age"), value=Value.PRESENT, source=Source.CODED, reference=chart.patient)
    years = grading.person.years(grading.person.t)
    if years is not None:
        words = str(years[0]) if years[0] == years[1] else f"{years[0]}-{years[1]}"
        yield replace(born, text=f"{words} years")
        for key, value in ages.items():
            yield replace(born, key=key, value=value, text=f"{words} years")
    if chart.sex in ("male", "female"):
        yield replace(born, key=keys.one("sex"), text=chart.sex)
    lows = [judged for judged in grading.hemoglobin.samples if judged.low]
    if lows and lows[-1].sample.fact is not None:
        yield lows[-1].sample.fact
    signs = grading.present("marrow-sign", grading.person.values)
    organs = grading.present("organ-sign", grading.person.values)
    imaging = keys.one("imaging-anemia")
    if (len(signs) > 1 or (signs and organs)) and imaging not in evidence.chosen and not grading.infant:
        yield replace(evidence.chosen[signs[0]].fact, key=imaging)
    yield from (fact for fact in _iron(grading) if fact.key not in evidence.chosen)


def _ground_facts(rule: GroundRule, grading: Grading, evidence: Evidence) -> tuple[Fact, ...]:
    found: list[Fact] = []
    for atom in rule.needs:
        if atom.computed is None:
            found += _facts((k for k in atom.keys if evidence.values.get(k) in atom.values), evidence)
        else:
            found += _computed_facts(atom.computed, grading, evidence)
    return tuple(dict.fromkeys(found))


def _computed_facts(name: str, grading: Grading, evidence: Evidence) -> list[Fact]:
    hemoglobin = grading.hemoglobin
    if name.startswith("series") and hemoglobin.series is not None:
        return _samples(hemoglobin.series[1])
    if name in ("counted-low", "anemic") and hemoglobin.counted_lows:
        return _samples(hemoglobin.counted_lows[-1:])
    if name == "recent-normal":
        return _samples([judged for judged in hemoglobin.recent if judged.usable_normal][-1:])
    if name == "severe":
        severe = grading.severe(grading.person.values)[-1:]
        found = [fact for item in severe for fact in _samples([item.judged])]
        found += [lab.fact for item in severe for lab in item.labs if lab.fact is not None]
        return found + [fact for item in severe for fact in _facts(item.keys, evidence)]
    roles = {"anemic": "documented", "marrow-signs-2": "marrow-sign", "cause": "b3-cause"}
    if name == "iron-deficiency":
        return list(_facts(grading.present("iron-deficiency", grading.person.values), evidence) + _iron(grading))
    return list(_facts(grading.present(roles.get(name, ""), grading.person.values), evidence))


def _facts(keys: Iterable[str], evidence: Evidence) -> tuple[Fact, ...]:
    return tuple(evidence.chosen[key].fact for key in keys if key in evidence.chosen)


def _samples(judged: Iterable[Judged]) -> list[Fact]:
    return [sample.sample.fact for sample in judged if sample.sample.fact is not None]


def _iron(grading: Grading) -> tuple[Fact, ...]:
    """Iron deficiency by the newest ferritin, when nobody names it."""
    ferritin = grading.newest_ferritin
    named = grading.present("iron-deficiency", grading.person.values)
    if named or ferritin is None or ferritin.fact is None or not grading.iron_deficient(grading.person.values):
        return ()
    return (replace(ferritin.fact, key=grading.keys.one("iron-deficiency")),)


def _mcv(grading: Grading) -> Fact | None:
    """MCV below the limit beside the severe hemoglobin (policy 4.5), for the iron line of the card."""
    limit = grading.tables.constants["mcv_low"]
    beside = {id(lab) for item in grading.severe(grading.person.values) for lab in item.labs}
    for lab in grading.person.labs.get("mcv", ()):
        if id(lab) in beside and lab.below(limit):
            return lab.fact
    return None


def _point(judged: Judged) -> HbPoint:
    fact = judged.sample.fact
    return HbPoint(
        date=judged.days.last,
        g_per_l=judged.sample.g_per_l,
        limit=judged.limit,
        low=judged.low,
        usable_normal=judged.usable_normal,
        acute=judged.acute,
        counted_low=judged.counted_low,
        reference=fact.reference if fact else None,
        source=fact.source if fact else Source.LAB,
    )
