"""One report text to what it says. Pure; time grows in proportion to the length of the text."""

from emhwatch.model.reading import Finding, Reading, TextMass
from emhwatch.tables.readings import ReadingRules
from emhwatch.tables.text import Language, TextTables
from emhwatch.tables.words import fold, split
from emhwatch.text import derive
from emhwatch.text.attach import attach
from emhwatch.text.diagnosis import biopsy_statements, drop_weak_names, settle
from emhwatch.text.grouping import Group, group_mentions
from emhwatch.text.language import choose
from emhwatch.text.masses import Mention, counts, is_past, mentions_in
from emhwatch.text.measure import measurements_in
from emhwatch.text.nature import Nature, natures_in
from emhwatch.text.scene import Scene, scenes_of
from emhwatch.text.segment import Layout, lay_out
from emhwatch.text.statements import Statement, spleen_statements, statements_in
from emhwatch.types import Certainty, Section, Temporality, Value

UNSUPPORTED = "language-not-supported"
POOLED = "pooled"


def read_report(
    text: str,
    tables: TextTables,
    *,
    modality: str | None = None,
    language: str | None = None,
    pathology: bool = False,
) -> Reading:
    """Read a report. `modality` is a DICOM code; `language` overrides detection when it is supported.

    `pathology`: the text is a pathology report, so a tissue diagnosis needs no word for a mass or a biopsy.
    """
    code = language if language in tables.languages else choose(split(fold(text)).words, tables)
    if language is not None and language.split("-")[0].lower() in tables.languages:
        code = language.split("-")[0].lower()
    if code is None:
        return Reading(
            text=text, language=None, supported=not text.strip(), notes=(UNSUPPORTED,) if text.strip() else ()
        )
    chosen = tables.languages[code]
    layout = lay_out(text, chosen)
    scenes = scenes_of(layout, chosen)
    return _Report(layout, chosen, scenes, tables.rules, _kind(modality, tables.rules), pathology).reading()


def _kind(modality: str | None, rules: ReadingRules) -> str:
    return rules.modalities.get((modality or "").upper(), "unstated")


class _Report:
    """The steps of one reading and what they hand on."""

    def __init__(
        self, layout: Layout, language: Language, scenes: list[Scene], rules: ReadingRules, kind: str, pathology: bool
    ) -> None:
        self.layout = layout
        self.language = language
        self.rules = rules
        self.kind = kind
        self.pathology = pathology
        self.scenes = scenes
        self.statements: list[Statement] = []
        self.mentions: list[Mention] = []
        self.natures: list[Nature] = []

    def reading(self) -> Reading:
        """Run all steps."""
        before: Scene | None = None
        for scene in self.scenes:
            if scene.hits and not _asks(scene):
                self.statements += statements_in(scene, self.rules)
                self.statements += biopsy_statements(scene, self.rules, self.pathology)
                self.statements += spleen_statements(scene, self.rules)
                found = mentions_in(scene, self.rules, self.kind, before)
                self.mentions += found
                self.natures += natures_in(scene, self.rules, found)
            before = scene
        stated = [m for m in self.mentions if counts(m)]
        denials = [m for m in stated if m.value is Value.ABSENT and m.regional and not m.pointer and not _gone(m)]
        groups = self._groups(stated)
        settle(self.statements, groups, self.rules)
        attach(self.statements, self.mentions, groups, self.rules)
        if not groups:  # fluid that is the whole finding is no fluid inside a mass (policy 3.5)
            rim = self.rules.roles["rim"]
            self.statements = [s for s in self.statements if s.key != rim or not self.natures]
        findings = [*self._denied(denials), *self._of_groups(groups), *self._stated(), *self._natures(groups)]
        findings = _newest(findings)
        findings.sort(key=lambda finding: (finding.start, finding.end, finding.key))
        pooled = any(finding.pooled for finding in findings)
        return Reading(
            text=self.layout.text,
            language=self.language.code,
            supported=True,
            sections=self.layout.sections,
            findings=tuple(findings),
            masses=tuple(self._masses(groups)),
            measurements=tuple(m for scene in self.scenes if scene.hits for m in measurements_in(scene, self.rules)),
            notes=(POOLED,) if pooled else (),
        )

    def _groups(self, stated: list[Mention]) -> list[Group]:
        usable = [
            m
            for m in stated
            if not (m.value is Value.ABSENT and not _gone(m))
            and m.value is not Value.UNKNOWN
            and (m.site_class is not None or not m.regional)
        ]
        return group_mentions(drop_weak_names(usable))

    def _masses(self, groups: list[Group]) -> list[TextMass]:
        masses = []
        for index, group in enumerate(groups):
            lead = group.lead()
            start, end, text = lead.scene.span(lead.hit.start, lead.hit.end)
            past = all(is_past(m) for m in group.mentions)
            value = group.value()
            nature = self._nature_of(group)
            masses.append(
                TextMass(
                    index=index,
                    value=nature or value,
                    site_keys=derive.site_keys(group, self.rules),
                    site_class=group.site_class,
                    side=group.side,
                    levels=group.levels,
                    size_mm=derive.size_of(group),
                    count=derive.count_of(group),
                    start=start,
                    end=end,
                    text=text,
                    section=lead.section,
                    temporality=Temporality.HISTORICAL if past else lead.assertion.temporality,
                    cue=lead.scene.cue(lead.assertion, f"mass:{lead.noun}"),
                )
            )
        return masses

    def _nature_of(self, group: Group) -> Value | None:
        """The value when the whole finding is named as something that is no mass (policy 3.3)."""
        for nature in self.natures:
            if nature.whole and nature.group_of(group):
                return nature.value
        return None

    def _natures(self, groups: list[Group]) -> list[Finding]:
        return [finding for nature in self.natures for finding in nature.findings(groups, self.rules)]

    def _denied(self, denials: list[Mention]) -> list[Finding]:
        """Denials of a mass in a region."""
        findings = []
        for mention in denials:
            if not mention.sites:
                continue
            if all(site.site_class == "none" and not site.region for site in mention.sites):
                continue
            regions = tuple(sorted({site.region or site.key for site in mention.sites if site.region or site.key}))
            findings.append(
                self._finding(
                    mention.scene, mention.hit.start, mention.hit.end, self.rules.roles["mass"], mention, regions
                )
            )
        return findings

    def _finding(
        self, scene: Scene, start: int, end: int, key: str, mention: Mention, regions: tuple[str, ...] = ()
    ) -> Finding:
        first, last, text = scene.span(start, end)
        return Finding(
            key=key,
            value=mention.value,
            start=first,
            end=last,
            text=text,
            section=scene.section,
            certainty=mention.assertion.certainty,
            temporality=_time(scene, mention.assertion.temporality),
            experiencer=mention.assertion.experiencer,
            levels=mention.levels,
            side=mention.side,
            size_mm=mention.size,
            regions=regions,
            mass=mention.group,
            cue=scene.cue(mention.assertion, f"mass:{mention.noun}"),
        )

    def _of_groups(self, groups: list[Group]) -> list[Finding]:
        """One finding for each mention of a mass, and the keys of the mass as a whole."""
        findings = []
        for index, group in enumerate(groups):
            for mention in group.mentions:
                if not mention.pointer:
                    findings.append(
                        self._finding(
                            mention.scene, mention.hit.start, mention.hit.end, self.rules.roles["mass"], mention
                        )
                    )
            if group.value() is Value.ABSENT:
                continue
            for key, value, mention in derive.derived(group, self.rules, self.kind):
                first, last, text = mention.scene.span(mention.hit.start, mention.hit.end)
                findings.append(
                    Finding(
                        key=key,
                        value=value,
                        start=first,
                        end=last,
                        text=text,
                        section=mention.section,
                        certainty=mention.assertion.certainty,
                        temporality=_time(mention.scene, mention.assertion.temporality),
                        levels=group.levels,
                        side=group.side,
                        size_mm=derive.size_of(group) if key == self.rules.roles["size"] else None,
                        mass=index,
                        cue=mention.scene.cue(mention.assertion, f"mass:{mention.noun}"),
                    )
                )
        return findings

    def _stated(self) -> list[Finding]:
        findings = []
        seen: set[tuple[str, int, int, Value]] = set()
        for statement in self.statements:
            if statement.drop:
                continue
            scene = statement.scene
            first, last, text = scene.span(statement.start, statement.end)
            identity = (statement.key, first, last, statement.value)
            if identity in seen:
                continue
            seen.add(identity)
            findings.append(
                Finding(
                    key=statement.key,
                    value=statement.value,
                    start=first,
                    end=last,
                    text=text,
                    section=scene.section,
                    certainty=_certainty(statement),
                    temporality=_time(scene, statement.assertion.temporality),
                    experiencer=statement.assertion.experiencer,
                    size_mm=statement.size,
                    regions=statement.regions,
                    mass=statement.mass,
                    pooled=statement.pooled,
                    cue=scene.cue(statement.assertion, statement.rule),
                    rank=statement.rank,
                )
            )
        return findings


def _certainty(statement: Statement) -> Certainty:
    if statement.value is Value.ABSENT:
        return Certainty.NEGATED
    return Certainty.HEDGED if statement.value is Value.POSSIBLE else statement.assertion.certainty


def _time(scene: Scene, temporality: Temporality) -> Temporality:
    if scene.section is Section.COMPARISON and temporality is Temporality.CURRENT:
        return Temporality.HISTORICAL
    return temporality


def _asks(scene: Scene) -> bool:
    """A question of the request sets nothing (policy 2.4)."""
    return scene.section is Section.REQUEST and "?" in scene.layout.words[scene.sentence.start : scene.sentence.end]


def _gone(mention: Mention) -> bool:
    return mention.assertion.temporality is Temporality.RESOLVED


def _newest(findings: list[Finding]) -> list[Finding]:
    """An addendum replaces what it conflicts with (policy 2.6)."""
    late = {(f.key, f.mass) for f in findings if f.section is Section.ADDENDUM and f.value is not Value.UNKNOWN}
    late_patient = {key for key, mass in late if mass is None}
    if not late:
        return findings
    return [
        f
        for f in findings
        if f.section is Section.ADDENDUM or ((f.key, f.mass) not in late and f.key not in late_patient)
    ]
