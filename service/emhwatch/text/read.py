"""One report text to what it says. Pure; time grows in proportion to the length of the text."""

from emhwatch.model.reading import Reading
from emhwatch.tables.readings import ReadingRules
from emhwatch.tables.text import Language, TextTables
from emhwatch.text.assemble import masses_of, newest, of_denials, of_groups, of_statements
from emhwatch.text.attach import attach
from emhwatch.text.diagnosis import biopsy_statements, drop_weak_names, settle
from emhwatch.text.grouping import Group, group_mentions
from emhwatch.text.language import choose
from emhwatch.text.masses import mentions_in
from emhwatch.text.measure import measurements_in
from emhwatch.text.mention import Mention, counts, denies_region
from emhwatch.text.nature import Nature, natures_in
from emhwatch.text.scene import Scene, scenes_of
from emhwatch.text.segment import Layout, lay_out, tokens_of
from emhwatch.text.statements import Statement, measured_statements, statements_in
from emhwatch.types import Section, Temporality, Value

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
    tokens = tokens_of(text)
    code = language if language in tables.languages else choose(tokens.split.words, tables)
    if language is not None and language.split("-")[0].lower() in tables.languages:
        code = language.split("-")[0].lower()
    if code is None:
        return Reading(
            text=text, language=None, supported=not text.strip(), notes=(UNSUPPORTED,) if text.strip() else ()
        )
    chosen = tables.languages[code]
    layout = lay_out(tokens, chosen)
    scenes = scenes_of(layout, chosen, tables)
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
            if scene.tells and not _asks(scene):
                self.statements += statements_in(scene, self.rules)
                self.statements += biopsy_statements(scene, self.rules, self.pathology)
                self.statements += measured_statements(scene, self.rules)
                found = mentions_in(scene, self.rules, self.kind, before)
                self.mentions += found
                self.natures += natures_in(scene, self.rules, found)
            before = scene
        stated = [m for m in self.mentions if counts(m)]
        denials = [m for m in stated if m.value is Value.ABSENT and denies_region(m, self.rules) and not _gone(m)]
        groups = self._groups(stated)
        if any(m.section is Section.ADDENDUM and m.sites for m in denials):
            for group in groups:
                group.denied = not any(m.section is Section.ADDENDUM for m in group.mentions)
        settle(self.statements, groups, self.rules)
        attach(self.statements, self.mentions, groups, self.rules)
        if not groups:  # fluid that is the whole finding is no fluid inside a mass (policy 3.5)
            rim = self.rules.roles["rim"]
            self.statements = [s for s in self.statements if s.key != rim or not self.natures]
        assembled = [
            *of_denials(denials, self.rules, self.kind),
            *of_groups(groups, self.natures, self.rules, self.kind),
            *of_statements(self.statements),
            *(finding for nature in self.natures for finding in nature.findings(groups, self.rules)),
        ]
        findings = newest(assembled)
        findings.sort(key=lambda finding: (finding.start, finding.end, finding.key))
        pooled = any(finding.pooled for finding in findings)
        return Reading(
            text=self.layout.text,
            language=self.language.code,
            supported=True,
            sections=self.layout.sections,
            findings=tuple(findings),
            masses=masses_of(groups, self.natures, self.rules),
            measurements=tuple(m for scene in self.scenes if scene.tells for m in measurements_in(scene, self.rules)),
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


def _asks(scene: Scene) -> bool:
    """A question of the request sets nothing (policy 2.4)."""
    return scene.section is Section.REQUEST and "?" in scene.layout.words[scene.sentence.start : scene.sentence.end]


def _gone(mention: Mention) -> bool:
    return mention.assertion.temporality is Temporality.RESOLVED
