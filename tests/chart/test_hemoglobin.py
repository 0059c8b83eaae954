"""Hemoglobin as laboratories send it (policy 4.3; fhir-in-the-wild: lessons 1 to 5)."""

from typing import Any

import pytest

from emhwatch.model.days import Days
from emhwatch.model.options import SiteOptions
from tests.support.records import LOINC, SNOMED, UCUM, ago, chart, code, gaps, hb, observation, patient, report


def values(*resources: Any, **more: Any) -> list[float]:
    return [value.g_per_l for value in chart(patient(), *resources, **more).hemoglobin]


def quantity(value: Any, unit: str | None = None, system: str | None = None, ucum: str | None = None) -> dict[str, Any]:
    parts = {"value": value, "unit": unit, "system": system, "code": ucum}
    return {name: part for name, part in parts.items() if part is not None}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (quantity(10.5, "g/dL", UCUM, "g/dL"), 105),
        (quantity(10.5, "g/dl", UCUM, "g/dL"), 105),
        (quantity(105, "g/L", UCUM, "g/L"), 105),
        (quantity(10.5, "g/dL"), 105),
        (quantity(10.5, "g/dl"), 105),
        (quantity(10.5, "gm/dL"), 105),
        (quantity(10.5, "GM/DL"), 105),
        (quantity(10.5, "G/DL"), 105),
        (quantity(10.5, "g/100 mL"), 105),
        (quantity(10.5, "g%"), 105),
        (quantity(10.5, "grams per deciliter"), 105),
        (quantity(105, "g/L"), 105),
        (quantity(105, "g/l-1"), 105),
        (quantity(10.5, None, UCUM, "g/dL"), 105),
        (quantity(10.5, None, None, "g/dL"), 105),
        (quantity(10.5, "gramme pro Deziliter", UCUM, "g/dL"), 105),
        (quantity(6.5, "mmol/L", UCUM, "mmol/L"), 104.65),
        (quantity("10.5", "g/dL", UCUM, "g/dL"), 105),
        (quantity(16.15366508387917, "g/dL", UCUM, "g/dL"), 161.536651),
        (quantity(13.1, "g/dL", UCUM, "g/dL"), 131),
    ],
)
def test_units_that_real_laboratories_send(sent: dict[str, Any], expected: float) -> None:
    assert values(hb(None, valueQuantity=sent)) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("sent", "gap"),
    [
        (quantity(10.5), "hb-no-unit"),
        (quantity(10.5, None, UCUM), "hb-no-unit"),
        (quantity(10.5, "furlong"), "hb-unit"),
        (quantity(13.2, "mg/dL", UCUM, "mg/dL"), "hb-implausible"),
        (quantity(12.5, "g/mL", UCUM, "g/mL"), "hb-implausible"),
        (quantity(10.8, "umol/L", UCUM, "umol/L"), "hb-implausible"),
        (quantity(83, "g/dL", UCUM, "g/dL"), "hb-implausible"),
        (quantity(5.4, "g/L", UCUM, "g/L"), "hb-implausible"),
        (quantity(251, "g/L", UCUM, "g/L"), "hb-implausible"),
        (quantity(0, "g/dL", UCUM, "g/dL"), "hb-implausible"),
        (quantity(-9, "g/dL", UCUM, "g/dL"), "hb-implausible"),
        (quantity(13.2, "g/dL", UCUM, "mg/dL"), "hb-unit-conflict"),
        (quantity(13.2, "g/L", UCUM, "g/dL"), "hb-unit-conflict"),
        (quantity(13.2, "g/dL", UCUM, "xyz"), "hb-unit-conflict"),
        (quantity(10.5, "g/dL", UCUM, "g/dL") | {"comparator": "ad"}, "hb-comparator"),
        (quantity(None, "g/dL", UCUM, "g/dL"), "hb-no-value"),
        (quantity("volgt", "g/dL", UCUM, "g/dL"), "hb-no-value"),
        (quantity(6.8, "%", UCUM, "%"), "hb-unit"),
        (quantity(42, "mmol/mol", UCUM, "mmol/mol"), "hb-unit"),
    ],
)
def test_h14_what_is_no_certain_hemoglobin_is_refused_and_named(sent: dict[str, Any], gap: str) -> None:
    found = chart(patient(), hb(None, valueQuantity=sent))
    assert found.hemoglobin == ()
    assert gap in gaps(found)
    assert found.hb_rejected == (Days.of(chart(patient()).t.fromisoformat(ago(5))),)


def test_h14_plausibility_limits_are_included() -> None:
    assert values(hb(20, "g/L", ident="a", days=1), hb(250, "g/L", ident="b", days=2)) == [250, 20]


def test_h14_tetramer_laboratory_counts_fourfold() -> None:
    sent = hb(2.0, "mmol/L")
    assert values(sent, options=SiteOptions(hemoglobin_tetramer=True)) == [pytest.approx(129)]
    assert values(sent) == [pytest.approx(32.2)]


def test_h14_reference_range_that_does_not_fit_the_unit_refuses_the_value() -> None:
    tetramer = [{"low": quantity(1.9, "mmol/L"), "high": quantity(2.6, "mmol/L")}]
    found = chart(patient(), hb(2.0, "mmol/L", referenceRange=tetramer))
    assert found.hemoglobin == ()
    assert "hb-range" in gaps(found)


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_comparators_are_kept(sign: str) -> None:
    sent = quantity(7.0, "g/dL", UCUM, "g/dL") | {"comparator": sign}
    assert [(v.g_per_l, v.comparator) for v in chart(patient(), hb(None, valueQuantity=sent)).hemoglobin] == [
        (70, sign)
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("130 g/l", [(130, None)]),
        (" 13,1 g/dL ", [(131, None)]),
        ("<7.0 g/dL", [(70, "<")]),
        ("≥ 7.0 g/dL", [(70, ">=")]),
        ("13.1", []),
        ("volgt", []),
        ("12.1 - 13.5 g/dL", []),
        ("1,234 g/L", []),
        ("see comment 12", []),
    ],
)
def test_text_with_one_number_and_a_unit_counts(words: str, expected: list[tuple[float, str | None]]) -> None:
    found = chart(patient(), hb(None, valueString=words))
    assert [(v.g_per_l, v.comparator) for v in found.hemoglobin] == expected


@pytest.mark.parametrize(
    "more",
    [
        {"dataAbsentReason": code("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed")},
        {"status": "cancelled"},
        {"status": "registered"},
        {"status": "entered-in-error", "valueQuantity": quantity(7.0, "g/dL", UCUM, "g/dL")},
        {"status": "preliminary", "valueQuantity": quantity(7.0, "g/dL", UCUM, "g/dL")},
        {"status": "asd", "valueQuantity": quantity(7.0, "g/dL", UCUM, "g/dL")},
        {"status": 2, "valueQuantity": quantity(7.0, "g/dL", UCUM, "g/dL")},
        {"hasMember": [{"reference": "Observation/other"}]},
        {"valueQuantity": {}},
        {"valueQuantity": []},
        {"valueQuantity": "7"},
        {"valueRange": {"low": quantity(7, "g/dL"), "high": quantity(9, "g/dL")}},
        {"valueCodeableConcept": {"text": "low"}},
    ],
)
def test_no_value_is_a_case(more: dict[str, Any]) -> None:
    assert values(hb(None) | more) == []


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_statuses_that_count(status: str) -> None:
    assert values(hb(9.5, status=status)) == [95]


@pytest.mark.parametrize(
    "what",
    [
        code(LOINC, "718-7"),
        code(LOINC, "20509-6"),
        code(LOINC, "30313-1"),
        code(LOINC, "30350-3"),
        code(LOINC + "/", "718-7"),
        code(SNOMED, "38082009"),
        code(SNOMED, "1022431000000105"),
        code(SNOMED, "1107511000000100"),
        {"coding": [{"code": "HGB", "display": "Haemoglobin (Hb)"}]},
        {"coding": [{"system": "http://lab.example/codes", "code": "1"}, {"system": LOINC, "code": "718-7"}]},
        {"coding": [{"system": "urn:local", "code": "55", "display": "ヘモグロビン"}]},
        {"text": "Hgb Bld-mCnc"},
        {"text": "Hemoglobine"},
        {"text": "Hämoglobin"},
        {"text": "Hémoglobine"},
    ],
)
def test_codes_and_names_of_total_hemoglobin(what: dict[str, Any]) -> None:
    assert values(hb(9.5, code=what)) == [95]


@pytest.mark.parametrize(
    ("what", "value", "unit"),
    [
        (code(LOINC, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"), 6.1, "%"),
        (code(LOINC, "786-4", "MCHC [Mass/volume] by Automated count"), 34.7, "g/dL"),
        (code(LOINC, "786-4"), 307, "g/L"),
        (code(LOINC, "48725-6"), 9.9, "g/dL"),
        ({"text": "Mean corpuscular hemoglobin concentration"}, 34.7, "g/dL"),
        ({"text": "MCHC"}, 34.7, "g/dL"),
        ({"text": "Hemoglobin saturation"}, 98, "g/L"),
        ({"text": "Hemoglobin in stool"}, 100, "g/L"),
        ({"text": "Hemoglobin, urine"}, 100, "g/L"),
        ({"text": "HbA1c"}, 48, "g/L"),
        ({"text": "Hemoglobin F"}, 80, "g/L"),
        ({"text": "Plasma free hemoglobin"}, 30, "g/L"),
        ({"text": "Hémoglobine glyquée"}, 61, "g/L"),
    ],
)
def test_h14_what_only_looks_like_hemoglobin(what: dict[str, Any], value: float, unit: str) -> None:
    assert values(hb(value, unit, code=what)) == []


def test_h14_codes_that_contradict_each_other_are_refused() -> None:
    both = {"coding": [{"system": LOINC, "code": "718-7"}, {"system": LOINC, "code": "786-4"}]}
    found = chart(patient(), hb(13.1, code=both))
    assert found.hemoglobin == ()
    assert "hb-code-conflict" in gaps(found)


def test_specimen_that_is_not_blood_is_refused() -> None:
    urine = {"resourceType": "Specimen", "id": "u", "type": code(SNOMED, "122575003", "Urine specimen")}
    found = chart(patient(), urine, hb(9.5, specimen={"reference": "Specimen/u"}))
    assert found.hemoglobin == ()
    assert "hb-specimen" in gaps(found)
    assert values(hb(9.5, specimen={"display": "Stool"})) == []
    assert values(hb(9.5, specimen={"display": "Venous blood"})) == [95]


def test_components_of_a_panel() -> None:
    parts = [
        {"code": code(LOINC, "718-7"), "valueQuantity": quantity(9.5, "g/dL", UCUM, "g/dL")},
        {"code": code(LOINC, "787-2"), "valueQuantity": quantity(68, "fL", UCUM, "fL")},
        {"code": code(LOINC, "718-7"), "modifierExtension": [{"url": "urn:x"}], "valueQuantity": quantity(5, "g/dL")},
        {"code": {}},
        None,
    ]
    found = chart(patient(), observation(code(LOINC, "58410-2", "CBC panel"), component=parts))
    assert [v.g_per_l for v in found.hemoglobin] == [95]
    assert [(v.analyte, v.value) for v in found.labs] == [("mcv", 68)]
    assert "modifier-extension" in gaps(found)


def test_contained_in_a_report() -> None:
    inner = hb(9.5, ident="h9") | {"subject": {"reference": "#me"}}
    inner.pop("subject")
    found = chart(patient(), report(contained=[inner], result=[{"reference": "#h9"}]))
    assert [(v.g_per_l, v.reference) for v in found.hemoglobin] == [(95, "DiagnosticReport/r1#h9")]


def test_lowest_of_one_calendar_day_in_the_hospitals_time_zone() -> None:
    late = hb(9.9, ident="a", effectiveDateTime="2026-03-09T23:30:00Z")
    early = hb(9.1, ident="b", effectiveDateTime="2026-03-10T08:00:00+01:00")
    assert values(late, early, options=SiteOptions(timezone="Europe/Berlin")) == [91]
    assert values(late, early) == [99, 91]


def test_corrected_version_replaces_the_first() -> None:
    first = hb(5.9, meta={"versionId": "1"})
    second = hb(9.5, meta={"versionId": "10"}, status="corrected")
    older = hb(6.1, meta={"versionId": "9"})
    assert values(second, first, older) == [95]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"effectiveDateTime": "2026-03-10T08:00:00+01:00"}, ("2026-03-10", "2026-03-10")),
        ({"effectiveDateTime": "2026-03-10T08:00:00"}, ("2026-03-10", "2026-03-10")),
        ({"effectiveDateTime": "2026-03-10T08:00"}, ("2026-03-10", "2026-03-10")),
        ({"effectiveDateTime": "2026-03-10T08:00:00.123456789Z"}, ("2026-03-10", "2026-03-10")),
        ({"effectiveDateTime": "2025"}, ("2025-01-01", "2025-12-31")),
        ({"effectiveDateTime": "2025-02"}, ("2025-02-01", "2025-02-28")),
        ({"effectiveDateTime": "2026"}, ("2026-01-01", "2026-03-15")),
        ({"effectiveDateTime": None, "effectiveInstant": "2026-03-10T08:00:00Z"}, ("2026-03-10", "2026-03-10")),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": "2026-03-09", "end": "2026-03-10"}},
            ("2026-03-09",) * 2,
        ),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": "2026-03-10"}}, ("2026-03-10", "2026-03-10")),
        ({"effectiveDateTime": None, "effectiveTiming": {"event": ["2026-03-10"]}}, ("2026-03-10", "2026-03-10")),
        ({"effectiveDateTime": None, "issued": "2026-03-10T10:00:00Z"}, ("2026-03-10", "2026-03-10")),
    ],
)
def test_dates_of_a_sample(more: dict[str, Any], expected: tuple[str, str]) -> None:
    (value,) = chart(patient(), hb(9.5) | more).hemoglobin
    assert value.days is not None
    assert (value.days.first.isoformat(), value.days.last.isoformat()) == expected


@pytest.mark.parametrize(
    ("when", "gap"),
    [
        ("2026-03-16", "future"),
        ("2027", "future"),
        ("2026-13-01", "bad-date"),
        ("yesterday", "bad-date"),
        (None, "hb-no-date"),
    ],
)
def test_h02_samples_without_a_date_before_now_do_not_count(when: str | None, gap: str) -> None:
    found = chart(patient(), hb(9.5, effectiveDateTime=when))
    assert found.hemoglobin == ()
    assert gap in gaps(found)


def test_other_laboratory_values_with_limits_and_flags() -> None:
    high = [code("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "H")]
    ceiling = [{"high": quantity(21, "umol/L")}, {"high": quantity(999, "umol/L"), "type": code("x", "treatment")}]
    found = chart(
        patient(),
        observation(code(LOINC, "14631-6"), ident="b", valueQuantity=quantity(62.7, "umol/L"), referenceRange=ceiling),
        observation(
            code(LOINC, "1975-2"),
            ident="b2",
            valueQuantity=quantity(1, "mg/dL"),
            referenceRange=[{"text": "0.1 - 1.2"}],
        ),
        observation(code(LOINC, "17849-1"), ident="r", valueQuantity=quantity(9, "%"), interpretation=high),
        observation(code(LOINC, "60474-4"), ident="r2", valueQuantity=quantity(210, "10*9/L"), interpretation=high),
        observation(code(LOINC, "2276-4"), ident="f", valueQuantity=quantity(6, "ng/mL")),
        observation(code(LOINC, "2276-4"), ident="f2", valueQuantity=quantity(6, "furlong")),
        observation(code(LOINC, "33914-3"), ident="g", valueQuantity=quantity(38, "mL/min/1.73m2")),
    )
    got = {v.reference: (v.analyte, v.value, v.high) for v in found.labs}
    assert got == {
        "Observation/b": ("bilirubin", 62.7, True),
        "Observation/b2": ("bilirubin", pytest.approx(17.1), False),
        "Observation/r": ("reticulocytes", 9, True),
        "Observation/r2": ("reticulocytes", None, True),
        "Observation/f": ("ferritin", 6, False),
        "Observation/g": ("egfr", 38, False),
    }


def test_evidence_of_a_value() -> None:
    (value,) = chart(patient(), hb(9.5, meta={"versionId": "3"})).hemoglobin
    assert (value.reference, value.version, value.original) == ("Observation/h1", "3", "9.5 g/dL")
    assert value.hits[0].coding.code == "718-7"
