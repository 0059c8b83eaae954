"""What the report says the mass is: the diagnosis it offers, biopsy and histology (policy 2.2, 5.2-5.4)."""

from emhwatch.tables.readings import ReadingRules
from emhwatch.text.grouping import Group
from emhwatch.text.mention import Mention
from emhwatch.text.scene import Scene, is_fact, value_of
from emhwatch.text.statements import Statement
from emhwatch.types import Certainty, Experiencer, Section, Value

_STATED_IN = frozenset((Section.FINDINGS, Section.IMPRESSION, Section.ADDENDUM, Section.RECOMMENDATION))


def settle(statements: list[Statement], groups: list[Group], rules: ReadingRules) -> None:
    """Decide for each named disease whether it is the mass's diagnosis or the patient's disease; rank the options."""
    by_scene: dict[int, list[Statement]] = {}
    for statement in statements:
        if statement.kind in ("diagnosis", "tumor"):
            by_scene.setdefault(statement.scene.index, []).append(statement)
    massive = {mention.scene.index for group in groups for mention in group.mentions}
    for index, named in by_scene.items():
        scene = named[0].scene
        offered = _offered(scene, named, bool(groups), index in massive)
        for statement in named:
            if statement.kind == "tumor":
                statement.drop = statement.drop or (offered and not _known(statement)) or _own_label(statement, named)
            else:
                _rank(statement, named, offered, index in massive, rules)


def _offered(scene: Scene, named: list[Statement], any_mass: bool, with_mass: bool) -> bool:
    """Whether the sentence offers diagnoses for a mass."""
    if scene.section not in _STATED_IN:
        return False
    if with_mass or scene.has("differential"):
        return True
    hedged = any(statement.assertion.certainty is Certainty.HEDGED for statement in named)
    different = len({statement.hit.start for statement in named}) > 1
    return (hedged and any_mass) or (different and any_mass)


def _known(statement: Statement) -> bool:
    hedged = statement.assertion.certainty is Certainty.HEDGED
    return "historical" in statement.assertion.effects or (statement.scene.has("known") and not hedged)


def _own_label(statement: Statement, named: list[Statement]) -> bool:
    """A disease name inside a longer one of the same place ("lymphoma" of a diagnosis list without any mass)."""
    return len({other.hit.start for other in named}) > 2 and not _known(statement)


def _rank(statement: Statement, named: list[Statement], offered: bool, with_mass: bool, rules: ReadingRules) -> None:
    """`present` for the leading or only diagnosis, `possible` for one among others (policy 5.4, 6.2)."""
    scene = statement.scene
    if scene.section not in _STATED_IN or (_known(statement) and not offered) or _result_from(scene) is not None:
        statement.drop = True
        return
    if statement.key == rules.roles["emh"] and (_elsewhere(scene) or (not with_mass and _of_organs(scene))):
        organs = scene.has("blood_organs")
        statement.key = rules.roles["emh_organs" if organs else "other_organs"]
        return
    if statement.value in (Value.ABSENT, Value.UNKNOWN):
        return
    effects = statement.assertion.effects
    if not offered and statement.key != rules.roles["emh"]:
        statement.drop = True
        return
    others = {other.hit.start for other in named if other.kind == "diagnosis" and other.value is not Value.ABSENT}
    alone = len(others) == 1
    weak = "hedged" in effects or scene.has("differential")
    leads = "leading" in effects and _first_after_cue(statement, named)
    if (alone and (not weak or statement.assertion.certainty is Certainty.AFFIRMED)) or (
        leads and not _weak_near(statement)
    ):
        statement.value, statement.rank = Value.PRESENT, "leading"
    else:
        statement.value, statement.rank = Value.POSSIBLE, "option"


def _first_after_cue(statement: Statement, named: list[Statement]) -> bool:
    """Whether no other diagnosis shares the leading cue on equal terms."""
    cue = statement.assertion.cue
    if cue is None:
        return True
    rivals = [
        other
        for other in named
        if other.hit.start != statement.hit.start
        and other.kind == "diagnosis"
        and "leading" in other.assertion.effects
        and "hedged" not in other.assertion.effects
    ]
    return not rivals


def _weak_near(statement: Statement) -> bool:
    """A weak hedge that is closer than the leading cue."""
    cue = statement.assertion.cue
    return cue is not None and cue.row.effect == "hedged"


def drop_weak_names(mentions: list[Mention]) -> list[Mention]:
    """Leave out a hedged diagnosis of a mass that its own sentence affirms (policy 2.2): it is no doubt of the mass."""
    affirmed = {m.scene.index for m in mentions if m.value is Value.PRESENT and not m.pointer}
    return [m for m in mentions if m.value is not Value.POSSIBLE or m.scene.index not in affirmed or m.levels]


def biopsy_statements(scene: Scene, rules: ReadingRules, pathology: bool) -> list[Statement]:
    """Biopsies recommended, done or declined; and histology results of the mass."""
    if not pathology and not scene.has("biopsy") and not scene.has("histology_result"):
        return []
    if scene.section is Section.OTHER:
        return []
    result = _histology(scene, rules, pathology)
    if result is not None:
        return [result]
    made = []
    for hit in scene.with_role("biopsy")[:1]:
        if not scene.roles["biopsy_other"].isdisjoint(hit.terms) or _elsewhere(scene):
            return []
        assertion = scene.judge(hit.start, hit.end)
        if "general" in assertion.effects or ("hypothetical" in assertion.effects and not scene.has("recommend")):
            return []
        if assertion.experiencer is Experiencer.OTHER:
            return []
        value, key = _wish(scene, assertion.certainty)
        if value is None:
            return []
        name = rules.roles["biopsy_done" if key else "biopsy"]
        made.append(Statement(scene, hit.start, hit.end, name, value, assertion, "biopsy", "biopsy", hit))
    return made


def _wish(scene: Scene, certainty: Certainty) -> tuple[Value | None, bool]:
    """Value and whether it is a biopsy already done."""
    if scene.has("biopsy_against") or (certainty is Certainty.NEGATED and not scene.has("recommend")):
        return Value.ABSENT, False
    if scene.has("recommend") and not scene.has("pending"):
        return (Value.ABSENT if certainty is Certainty.NEGATED else Value.PRESENT), False
    if scene.has("done") or _told_from(scene) is not None:
        return Value.PRESENT, True
    if scene.section in (Section.RECOMMENDATION, Section.IMPRESSION, Section.ADDENDUM):
        return Value.PRESENT, False
    return (Value.PRESENT, False) if certainty is Certainty.HEDGED else (None, False)


def _elsewhere(scene: Scene) -> bool:
    """A sample of another place: another site is named and none of the mass's."""
    return scene.has("elsewhere_sites") and not scene.has("own_sites")


def _result_from(scene: Scene) -> int | None:
    """The token from which on the words tell a result of tissue; None when they tell none."""
    return scene.sentence.start if scene.has("histology_result") else _told_from(scene)


def _told_from(scene: Scene) -> int | None:
    """The word after a sample that tells its result ("biopsy of the mass showed …", "biopsy: …")."""
    samples = [hit for hit in scene.with_role("biopsy") if is_fact(scene.judge(hit.start, hit.end))]
    if not samples or scene.has("pending") or scene.has("biopsy_against"):
        return None
    words, results = scene.layout.words, scene.language.lists["results"]
    told = next((at for at in range(samples[0].end, scene.sentence.end) if words[at] in results), None)
    wished = [hit for hit in scene.with_role("recommend") if "done" not in hit.meaning.roles]
    return told if told is not None and all(hit.start > told for hit in wished) else None


def _of_organs(scene: Scene) -> bool:
    """Lesions of liver or spleen, and no place or mass of ours beside them."""
    return scene.has("blood_organs") and not scene.has("own_places")


def _histology(scene: Scene, rules: ReadingRules, pathology: bool) -> Statement | None:
    start = scene.sentence.start if pathology else _result_from(scene)
    if start is None or scene.has("nondiagnostic") or _elsewhere(scene) or _of_another_person(scene):
        return None
    hit = next((hit for hit in scene.with_role("tissue_diagnoses") if hit.start >= start), None)
    if hit is None:
        return None
    assertion = scene.judge(hit.start, hit.end)
    if not is_fact(assertion) or assertion.experiencer is Experiencer.OTHER:
        return None
    value = value_of(assertion)
    emh = not scene.roles["tissue_emh"].isdisjoint(hit.terms)
    name = rules.roles["histology_emh" if emh else "histology_other"]
    return Statement(scene, hit.start, hit.end, name, value, assertion, "histology", "histology", hit)


def _of_another_person(scene: Scene) -> bool:
    return any(scene.judge(s.start, s.end).experiencer is Experiencer.OTHER for s in scene.with_role("biopsy"))
