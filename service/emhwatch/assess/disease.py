"""What a disease on record is worth (policy 4.2): status, remission, cure, dates."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from emhwatch.assess.statements import STRENGTH, Statement, coded_statement
from emhwatch.chart.model import Chart, CodeHit, Disorder
from emhwatch.model.days import Days
from emhwatch.tables.load import TableSet
from emhwatch.types import Certainty, Experiencer, Temporality, Value

_UNCERTAIN = frozenset(("provisional", "differential", "unconfirmed"))
_INACTIVE = frozenset(("inactive", "remission", "resolved"))
_ACTIVE = frozenset(("active", "recurrence", "relapse"))
_CURE = "transplant"  #: kind of `mappings/chart/procedures.csv`
_CHEMOTHERAPY = "chemotherapy"  #: class of `mappings/chart/drugs.csv`


@dataclass(frozen=True)
class Diseases:
    """Judges the diseases of one chart."""

    chart: Chart
    tables: TableSet

    def of_condition(self, disorder: Disorder) -> Iterator[Statement]:
        """Statements of one Condition; none when it is refuted."""
        if disorder.verification == "refuted":
            return
        for hit in disorder.hits:
            for key in hit.keys:
                value = self._qualified(disorder, key, self._coded(disorder, hit, key))
                if value is not None:
                    yield coded_statement(key, value, disorder, "condition", code=hit.coding, text=disorder.text)

    def _qualified(self, disorder: Disorder, key: str, value: Value | None) -> Value | None:
        """A code as the words of its own Condition qualify it: hedged, denied, or a carrier state (policy 4.2)."""
        title = disorder.title
        if value is None or title is None or not title.supported:
            return value
        own = [f for f in title.findings if f.experiencer is Experiencer.PATIENT and f.value is not Value.UNKNOWN]
        said = [finding for finding in own if finding.key == key]
        if said:
            best = max(said, key=lambda finding: STRENGTH[finding.value])
            hedged = best.value is Value.POSSIBLE and best.cue is not None and best.cue.text != ""  # not by the table
            return None if best.value is Value.ABSENT else Value.POSSIBLE if hedged else value
        carrier = any(f.value is Value.PRESENT and self.tables.keys.has(f.key, "lesser-form") for f in own)
        return None if carrier and self.tables.keys.has(key, "full-form") else value

    def of_words(self, disorder: Disorder, statement: Statement) -> Statement | None:
        """A statement in the words of a Condition, under the status of the Condition."""
        if disorder.verification == "refuted":
            return None
        value = statement.value
        if value is Value.PRESENT:
            judged = self._coded(disorder, None, statement.fact.key)
            if judged is None:
                return None
            value = judged
        return replace(statement, fact=replace(statement.fact, value=value), kind="condition")

    def of_text(self, statement: Statement) -> Statement | None:
        """A statement in a report or note: what is told as resolved counts as the same status of a Condition."""
        key, finding = statement.fact.key, statement.finding
        if finding is None or not self._is_disease(key):
            return statement
        value = statement.value
        if statement.temporality is Temporality.RESOLVED:
            told = self._inactive(key, self._long_ago(finding.date))
            if told is None:
                return None
            value = told
        if key == self.tables.keys.one("long-standing") and self._long_standing(statement):
            value = Value.PRESENT
        return replace(statement, fact=replace(statement.fact, value=value))

    def _is_disease(self, key: str) -> bool:
        roles = self.tables.keys.by_key[key].roles if key in self.tables.keys.by_key else frozenset()
        return bool(roles & {"b1-any", "b3-cause", "b3-disease", "lifelong", "long-standing"})

    def _coded(self, disorder: Disorder, hit: CodeHit | None, key: str) -> Value | None:
        keys = self.tables.keys
        inactive = disorder.clinical in _INACTIVE or (hit is not None and hit.value == "remission")
        certain = Value.POSSIBLE if disorder.verification in _UNCERTAIN else Value.PRESENT
        if key == keys.one("cancer-history"):
            return certain if self._recent_cancer(disorder, inactive=inactive, history=_is_history(hit)) else None
        if key == keys.one("long-standing"):
            return Value.POSSIBLE if inactive else self._since(disorder, certain)
        if self._is_disease(key):
            if keys.has(key, "lifelong"):
                treated = disorder.cured or self._transplanted
                cured = disorder.clinical not in _ACTIVE and disorder.clinical is not None and treated
                return Value.POSSIBLE if cured else certain
            if inactive:
                told = self._inactive(key, self._long_remission(disorder))
                return Value.POSSIBLE if told and certain is Value.POSSIBLE else told
            return certain
        return None if inactive and not self._lasting(key) else certain

    def _inactive(self, key: str, long_ago: bool) -> Value | None:
        """An inactive disease: lifelong stays, blood cancers until long remission, causes end, acquired is possible."""
        keys = self.tables.keys
        if keys.has(key, "lifelong"):
            return Value.PRESENT
        if keys.has(key, "b3-disease"):
            return None if long_ago else Value.PRESENT
        return None if keys.has(key, "b3-cause") else Value.POSSIBLE

    def _lasting(self, key: str) -> bool:
        """Context that stays true after its cause has ended (a thrombosis in the history)."""
        return "X" in self.tables.keys.by_key[key].groups

    @property
    def _transplanted(self) -> bool:
        conditions = any(hit.role == "cure" for disorder in self.chart.disorders for hit in disorder.hits)
        return conditions or any(_CURE in procedure.kinds for procedure in self.chart.procedures)

    def _long_remission(self, disorder: Disorder) -> bool:
        """Last activity or treatment more than 1,826 days ago; an unknown date is not long ago."""
        treated = [d.until or d.days for d in self.chart.drugs if _CHEMOTHERAPY in d.classes]
        known = [days for days in (disorder.abatement, *treated) if days is not None]
        return disorder.abatement is not None and all(self._older(days) for days in known)

    def _older(self, days: Days) -> bool:
        return (self.chart.t - days.last).days > self.tables.decision.constants["cancer_history"]

    def _long_ago(self, partial: str | None) -> bool:
        """A date in words ("2015", "2015-03") that lies more than 1,826 days back."""
        if not partial or not partial[:4].isdecimal():
            return False
        return (self.chart.t.year - int(partial[:4]) - 1) * 365 > self.tables.decision.constants["cancer_history"]

    def _recent_cancer(self, disorder: Disorder, *, inactive: bool, history: bool) -> bool:
        if not inactive and not history:
            return True
        last = disorder.abatement or disorder.onset or disorder.recorded
        return last is not None and last.within(self.chart.t, self.tables.decision.constants["cancer_history"])

    def _since(self, disorder: Disorder, certain: Value) -> Value:
        first = [days for days in (disorder.onset, disorder.recorded) if days is not None]
        least = self.tables.decision.constants["long_standing"]
        long = any((self.chart.t - days.last).days >= least for days in first)
        return certain if long else Value.POSSIBLE

    def _long_standing(self, statement: Statement) -> bool:
        finding = statement.finding
        affirmed = finding is not None and finding.certainty is Certainty.AFFIRMED
        least = self.tables.decision.constants["long_standing"]
        return affirmed and statement.days is not None and (self.chart.t - statement.days.last).days >= least


def affirmed(chart: Chart, statement: Statement) -> bool:
    """Whether a statement names a disease of now and without a hedge, however long it has lasted."""
    if statement.finding is not None and statement.finding.certainty is not Certainty.AFFIRMED:
        return False
    if statement.temporality is not Temporality.CURRENT:
        return False
    found = [d for d in chart.disorders if d.reference == statement.fact.reference]
    return all(d.verification not in _UNCERTAIN and d.clinical not in _INACTIVE for d in found)


def _is_history(hit: CodeHit | None) -> bool:
    return hit is not None and hit.role == "disease" and hit.concept.endswith("history")
