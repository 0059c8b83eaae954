"""Assessments as the decision would give them, and fictional patients on a server, for the tests of this area."""

from dataclasses import replace
from datetime import UTC, date, datetime

from emhwatch.model.assessment import (
    Assessment,
    Blood,
    Coding,
    Fact,
    Ground,
    MassAssessment,
    ReportUsed,
    Rules,
)
from emhwatch.types import Biopsy, Grade, Histology, Indicator, Side, Source, Tier, Value

RULES = Rules(version="2026.11.0", digest="0" * 64)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def assessment(
    *,
    report: str = "r1",
    version: str = "1",
    patient: str = "p1",
    masses: int = 1,
    tier: Tier = Tier.MODERATE,
    indicator: Indicator = Indicator.WARNING,
    card: str | None = "W-2",
    danger: Value = Value.ABSENT,
    words: str = "lobulated paravertebral mass at T9",
    hemoglobin: str | None = None,
    rules: Rules = RULES,
) -> Assessment:
    """One evaluation of one report."""
    focus = f"DiagnosticReport/{report}"
    used = ReportUsed(
        reference=focus,
        version=version,
        status="final",
        modality="CT",
        title="CT chest",
        date=date(2026, 11, 19),
        usable=True,
    )
    facts = []
    for index in range(masses):
        facts += [
            Fact(
                key="paraspinal_mass",
                value=Value.PRESENT,
                source=Source.TEXT,
                mass=index,
                reference=focus,
                version=version,
                section="findings",
                start=40,
                end=40 + len(words),
                text=words,
            ),
            Fact(
                key="lobulated", value=Value.PRESENT, source=Source.TEXT, mass=index, reference=focus, version=version
            ),
            Fact(
                key="bone_destruction",
                value=Value.ABSENT,
                source=Source.TEXT,
                mass=index,
                reference=focus,
                version=version,
                section="impression",
                start=200,
                end=218,
                text="no bone destruction",
            ),
        ]
    disease = Fact(
        key="dx_thalassaemia",
        value=Value.PRESENT,
        source=Source.CODED,
        code=Coding("http://hl7.org/fhir/sid/icd-10", "D56.1", "Beta thalassaemia"),
    )
    blood_facts: tuple[Fact, ...] = (disease,)
    sources = [f"{focus}/_history/{version}", f"Patient/{patient}/_history/1"]
    if hemoglobin:
        low = Fact(key="hb_low", value=Value.PRESENT, source=Source.LAB, reference=hemoglobin, text="82 g/L")
        blood_facts += (low,)
        sources.append(hemoglobin)
    all_facts = (*facts, *blood_facts, Fact(key="cord_compression", value=danger, source=Source.TEXT, reference=focus))
    return Assessment(
        id=focus,
        focus=focus,
        patient=f"Patient/{patient}",
        now=NOW,
        t=NOW.date(),
        indicator=indicator,
        row="R6",
        tier=tier,
        card=card,
        hold_offered=False,
        lead=0 if masses else None,
        value=Value.PRESENT if masses else Value.ABSENT,
        masses=tuple(_mass(i, tier, indicator, card, used, facts) for i in range(masses)),
        blood=Blood(grade=Grade.B1, grounds=(Ground(id="disease", facts=blood_facts),)),
        danger=danger,
        danger_facts=(),
        rules=rules,
        facts=all_facts,
        reports=(used,),
        sources=tuple(sources),
        security=(Coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N", "normal"),),
    )


def _mass(
    index: int, tier: Tier, indicator: Indicator, card: str | None, used: ReportUsed, facts: list[Fact]
) -> MassAssessment:
    return MassAssessment(
        index=index,
        value=Value.PRESENT,
        site_class="A1",
        site_keys=("site_thoracic_paravertebral",),
        side=Side.LEFT,
        levels=("T9", "T10"),
        size_mm=42.0,
        pooled=False,
        row="R6",
        indicator=indicator,
        tier=tier,
        card=card,
        hold_offered=False,
        supporting=4,
        opposing=1,
        net=3,
        major=False,
        histology=Histology.UNKNOWN,
        biopsy=Biopsy.RECOMMENDED,
        names_emh=Value.UNKNOWN,
        statement=facts[0],
        report=used,
    )


def withdrawn(**given: str) -> Assessment:
    """The evaluation of a report that was withdrawn."""
    whole = assessment(**given)  # type: ignore[arg-type]  # only text fields are given
    return replace(
        whole,
        indicator=Indicator.NONE,
        row="R0",
        tier=Tier.NOT_ASSESSED,
        card=None,
        lead=None,
        value=Value.UNKNOWN,
        masses=(),
        blood=Blood(grade=Grade.UNKNOWN),
        danger=Value.UNKNOWN,
        facts=(),
        blocked="report-withdrawn",
    )
