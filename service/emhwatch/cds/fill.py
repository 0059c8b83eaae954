"""Words of an evaluation for the placeholders of the card texts; everything from a resource is escaped. Pure."""

from collections.abc import Callable, Mapping

from emhwatch.cds.markdown import escaped
from emhwatch.cds.situation import Subject, number
from emhwatch.cds.words import Words, span
from emhwatch.model.assessment import Item
from emhwatch.tables.cards import PLACEHOLDER
from emhwatch.tables.wording import Situation
from emhwatch.types import Source


class Writer:
    """Fills the texts of one card."""

    def __init__(self, subject: Subject, situation: Situation) -> None:
        self._subject, self._situation = subject, situation
        self._tables = subject.tables.cards
        self._words = Words(subject.assessment, subject.tables)

    def fill(self, text: str) -> str:
        """A text with all placeholders filled, in one pass, so that quoted words are never read as placeholders."""
        return PLACEHOLDER.sub(lambda match: self._word(match[1]), text)

    def _word(self, name: str) -> str:
        if phrases := self._tables.phrases.get(name):
            return next((self.fill(p.text) for p in phrases if p.fits(self._situation)), "")
        return _FILLERS[name](self)

    # ---- the mass -------------------------------------------------------------------------------------------------

    def report_type(self) -> str:
        """Kind of the report: its modality in words, else its own title."""
        return self._words.report(self._subject.report)

    def report_date(self) -> str:
        """Day of the report."""
        return self._words.day(self._subject.report.date if self._subject.report else None)

    def mass_snippet(self) -> str:
        """What the report says about the mass."""
        mass = self._subject.mass
        return self._words.quote(mass.statement if mass else None, self._words.say("mass-unquoted"))

    def site(self) -> str:
        """Site of the mass."""
        return self._words.place(self._subject.mass)

    def order_site(self) -> str:
        """Site that the biopsy order names."""
        mass = self._subject.mass
        return self._words.quote(mass.biopsy_fact if mass else None, self._words.say("a-site"))

    def levels(self) -> str:
        """Levels of the mass."""
        mass = self._subject.mass
        return span(mass.levels) if mass and mass.levels else self._words.say("levels-not-stated")

    def side(self) -> str:
        """Side of the mass."""
        mass = self._subject.mass
        return self._tables.say("side", mass.side) if mass and mass.side else self._words.say("side-not-stated")

    def older_label(self) -> str:
        """Diagnosis that an older report gave."""
        mass = self._subject.mass
        return self._words.quote(mass.older_label if mass else None, "")

    def older_date(self) -> str:
        """Day of the older report."""
        mass = self._subject.mass
        return self._words.day(mass.older_label.date if mass and mass.older_label else None)

    def mass_list(self) -> str:
        """One line for each mass."""
        return "\n".join(f"- {self._words.mass(mass)}" for mass in self._subject.assessment.masses)

    # ---- for and against ------------------------------------------------------------------------------------------

    def supporting_list(self) -> str:
        """What scored for EMH, with its words."""
        return ", ".join(self._item(item) for item in self._subject.supporting)

    def opposing_list(self) -> str:
        """What scored against EMH and what else the report offers."""
        scored = [self._item(item) for item in self._subject.opposing]
        return ", ".join([*scored, *(self._words.evidence(fact) for fact in self._subject.rivals)])

    def unknown_list(self) -> str:
        """Features that are not described."""
        return ", ".join(group.words for group in self._subject.unknown)

    def rival_list(self) -> str:
        """Other diagnoses that fit what opposes."""
        keys = {item.key for item in self._subject.opposing} | {fact.key for fact in self._subject.rivals}
        return ", ".join(g.words for g in self._tables.rivals if not keys.isdisjoint(g.keys)) or self._words.say(
            "rival"
        )

    def _item(self, item: Item) -> str:
        return (
            self._words.evidence(item.fact) if item.fact and item.fact.key == item.key else self._words.label(item.key)
        )

    # ---- blood ----------------------------------------------------------------------------------------------------

    def b_reason(self) -> str:
        """Grounds of the blood grade with values and dates."""
        grounds = self._subject.assessment.blood.grounds
        found = list(dict.fromkeys(self._words.ground(ground) for ground in grounds))
        return "; ".join(found) or self.b_partial()

    def b_short(self) -> str:
        """The same in a few words."""
        grounds = self._subject.assessment.blood.grounds
        if not grounds:
            return self._words.say("blood-unknown")
        facts = [f for f in grounds[0].facts if f.source is not Source.LAB]
        return self._words.label(facts[0].key) if facts else self._words.ground_name(grounds[0])

    def b_short_first(self) -> str:
        """The same at the beginning of a sentence."""
        words = self.b_short()
        return words[:1].upper() + words[1:]

    def b_partial(self) -> str:
        """What there is on a suspected anemia."""
        blood = self._subject.assessment.blood
        facts = blood.partial or tuple(f for ground in blood.grounds for f in ground.facts)
        return self._words.facts(facts) or self._words.say("blood-unknown")

    def cause(self) -> str:
        """Recorded causes and diseases."""
        return self._words.facts(self._subject.assessment.blood.causes) or self.b_reason()

    def hb_value(self) -> str:
        """Newest hemoglobin with its unit."""
        newest = self._subject.newest_hb
        return f"{newest.g_per_l:g} {self._words.say('hb-unit')}" if newest else ""

    def hb_date(self) -> str:
        """Day of the newest hemoglobin."""
        newest = self._subject.newest_hb
        return self._words.day(newest.date if newest else None)

    def mcv(self) -> str:
        """Mean cell volume."""
        return _plain(number(self._subject.assessment.blood.mcv))

    def egfr(self) -> str:
        """Filtration rate."""
        return _plain(number(self._subject.assessment.egfr))

    # ---- danger, biopsy, the rest ---------------------------------------------------------------------------------

    def danger_snippet(self) -> str:
        """Words of every danger item."""
        return self._words.danger(self._subject.assessment.danger_facts)

    def danger_cord(self) -> str:
        """Words of the danger items of the cord."""
        return self._words.danger(f for f in self._subject.assessment.danger_facts if f.key in self._of_cord())

    def danger_bleeding(self) -> str:
        """Words of the other danger items."""
        return self._words.danger(f for f in self._subject.assessment.danger_facts if f.key not in self._of_cord())

    def _of_cord(self) -> tuple[str, ...]:
        return self._subject.tables.keys.role("danger-denial")

    def biopsy(self) -> str:
        """State of the biopsy in words."""
        mass = self._subject.mass
        return self._tables.say("biopsy", mass.biopsy) if mass else ""

    def f_snippet(self) -> str:
        """Words of the recommendation or the order."""
        mass = self._subject.mass
        return self._words.quote(mass.biopsy_fact if mass else None, "")

    def e_snippet(self) -> str:
        """Words that name EMH."""
        mass = self._subject.mass
        return self._words.quote(mass.emh_fact if mass else None, "")

    def missing(self) -> str:
        """What was not available."""
        found = [missing.words for missing in self._subject.assessment.missing]
        return ", ".join(dict.fromkeys(found)) or self._words.say("nothing-on-file")

    def source(self) -> str:
        """Why the mass is only possible."""
        mass = self._subject.mass
        return self._subject.tables.decision.words(mass.source_reason) if mass and mass.source_reason else ""

    def reason(self) -> str:
        """Why no report tells about the mass."""
        return self._subject.tables.decision.words(self._subject.reason)

    def change(self) -> str:
        """What changed since the earlier advice."""
        withdrawal = self._subject.assessment.withdrawal
        return self._subject.tables.decision.words(withdrawal.change) if withdrawal else ""

    def observation(self) -> str:
        """Id of the earlier Observation."""
        withdrawal = self._subject.assessment.withdrawal
        return escaped(withdrawal.observation) if withdrawal and withdrawal.observation else ""

    def drug(self) -> str:
        """Drugs that raise the risk of bleeding."""
        drugs = self._subject.assessment.anticoagulants or ()
        named = (
            fact.text or (fact.code.display if fact.code else None) or self._words.label(fact.key) for fact in drugs
        )
        return ", ".join(dict.fromkeys(escaped(name) for name in named))

    def version(self) -> str:
        """Version of the rules."""
        return self._subject.assessment.rules.version


def _plain(value: float | None) -> str:
    return f"{value:g}" if value is not None else ""


_FILLERS: Mapping[str, Callable[[Writer], str]] = {
    **{
        name: getattr(Writer, name)
        for name in (
            *("report_type", "report_date", "mass_snippet", "danger_snippet", "danger_cord", "danger_bleeding"),
            *("f_snippet", "e_snippet", "biopsy", "site", "order_site", "levels", "side", "b_reason", "b_short"),
            *("b_short_first", "b_partial", "cause", "supporting_list", "opposing_list", "unknown_list", "rival_list"),
            *("older_label", "older_date", "missing", "source", "reason", "change", "drug", "version", "mcv", "egfr"),
            *("hb_value", "hb_date", "mass_list"),
        )
    },
    "snippet": Writer.mass_snippet,
    "id": Writer.observation,
}
