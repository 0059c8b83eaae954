"""E01-E58 and Y01-Y40 of the policy, each as FHIR resources through the whole path, in words of our own."""

from typing import Any

import pytest

from tests.assess.bundles import (
    Json,
    ago,
    assess,
    condition,
    drug,
    hb,
    lab,
    order,
    pathology,
    person,
    procedure,
    report,
    shown,
    status,
    verified,
)  # fmt: skip

NTDT = condition("191189009")
MF = condition("D47.4")
CKD = condition("D63.1")
TRAIT = condition("D56.3")
HS = condition("D58.0")
LOW2 = [hb(95, 185), hb(95, 5)]
MASS = "FINDINGS: Paraspinal mass."
THORACIC = "FINDINGS: Thoracic paraspinal mass."
WOMAN = person(sex="female")


def e(**more: Any) -> Json:
    return more


def warn(tier: str, **more: Any) -> Json:
    card = {"strong": "W-1", "moderate": "W-2", "limited": "W-3"}[tier]
    return {"row": "R6", "indicator": "warning", "tier": tier, "card": card} | more


R9 = {"row": "R9", "indicator": "none", "tier": "not-assessable", "card": None}
R8 = {"b": "B?", "row": "R8", "indicator": "info", "tier": "not-assessable", "card": "I-5"}
R3 = {"a": "absent", "row": "R3", "indicator": "none", "tier": "not-applicable", "card": None}
R10 = {"b": "B0", "row": "R10", "indicator": "none", "tier": "not-supported", "card": None}
R7 = {"b": "B3", "row": "R7", "indicator": "info", "tier": "limited", "card": "I-4"}
R4 = {"a": "unknown", "row": "R4", "indicator": "none", "tier": "not-assessable", "card": None}
R11 = {"a": "possible", "row": "R11", "indicator": "info", "tier": "limited", "card": "I-1"}
MANY = "There are multiple smooth lobulated bilateral paraspinal masses from T8 to T12"

CASES: dict[str, tuple[list[Any], Json]] = {
    "E01": ([TRAIT, hb(140, 20), report(MASS), order()], R10 | e(f="ordered", c=0, d=0)),
    "E02": ([TRAIT, hb(105, 125), hb(105, 5), report(THORACIC)], R7 | e(c=1, d=0)),
    "E03": (
        [WOMAN, condition("D50.9"), *LOW2, report("FINDINGS: Bilateral smooth paraspinal masses T9-T11."), order()],
        e(b="B3", f="ordered", c=4, d=0, row="R7", indicator="warning", tier="limited", card="W-4", hold=False),
    ),
    "E04": (
        [
            person(70),
            condition("C34.90", **status("active")),
            condition("C78.7", **status("active")),
            condition("D63.0"),
            report("FINDINGS: Thoracic paraspinal mass with destruction of the adjacent pedicle."),
            order(),
        ],
        R7 | e(f="ordered", c=1, d=8),
    ),
    "E05": (
        [
            person(65),
            MF,
            condition("C78.7", **status("active")),
            report(
                "FINDINGS: Thoracic paraspinal mass with destruction of the adjacent pedicle. The spleen is enlarged."
            ),
            order(),
        ],
        warn("limited", b="B1", f="ordered", c=2, d=7, hold=False),
    ),
    "E06": ([report(MASS)], R9 | e(b="unknown", c=0, d=0)),
    "E07": (
        [report(MASS + "\n\nRECOMMENDATION: Biopsy is recommended.")],
        R9 | e(f="recommended", indicator="info", card="I-3"),
    ),
    "E08": ([NTDT, report("FINDINGS: Possible right paraspinal mass at T9.")], R11 | e(b="B1", c=2, d=0)),
    "E09": (
        [NTDT, report("FINDINGS: Possible right paraspinal mass at T9."), order()],
        R11 | e(f="ordered", c=2, indicator="warning", card="W-3", hold=False),
    ),
    "E10": ([NTDT, report("FINDINGS: No paraspinal mass."), order()], R3 | e(b="B1", f="ordered", c=0, d=0)),
    "E11": (
        [NTDT, report("FINDINGS: Thoracic paraspinal mass. Cord compression cannot be excluded.")],
        e(a="present", b="B1", g="possible", c=1, row="R1", indicator="critical", tier="moderate", card="K-1"),
    ),
    "E12": (
        [
            NTDT,
            report(MASS, 400, ident="r0"),
            report("FINDINGS: Paraspinal mass. Paraparesis."),
            pathology("DIAGNOSIS: Paraspinal mass, core biopsy: extramedullary hematopoiesis.", 360),
        ],
        e(g="present", row="R1", indicator="critical", tier="known", card="K-1"),
    ),
    "E13": (
        [report("FINDINGS: Paraspinal mass with compression of the spinal cord.")],
        e(b="unknown", g="present", row="R1b", indicator="warning", tier="not-assessable", card="K-2"),
    ),
    "E14": (
        [hb(140, 10), report("FINDINGS: Paraspinal mass with compression of the spinal cord.")],
        R10 | e(g="present"),
    ),
    "E15": (
        [condition("D56.9"), report("FINDINGS: Smooth, lobulated presacral mass which contains fat.")],
        warn("moderate", site="A2", b="B1", c=4, d=0),
    ),
    "E16": (
        [MF, report("FINDINGS: Epidural mass. No cord compression.", modality="MR")],
        warn("moderate", site="A2", b="B1", g="absent", c=0),
    ),
    "E17": (
        [person(8), condition("D56.5"), report("FINDINGS: Multiple bilateral lobulated paraspinal masses T8-T11.")],
        warn("moderate", b="B1", c=5, d=0),
    ),
    "E18": (
        [person(months=1), condition("D57.1", **verified("provisional")), report(THORACIC)],
        R8 | e(c=1, d=3),
    ),
    "E19": (
        [person(3), condition("26682008"), report("FINDINGS: Bilateral calcified thoracic paraspinal masses.")],
        warn("limited", b="B1", c=2, d=5, hold=False),
    ),
    "E20": (
        [
            person(65),
            MF,
            report("FINDINGS: Left paraspinal mass at T10. IMPRESSION: Schwannoma.", 2190, "MR", "r0"),
            report("FINDINGS: Bilateral paraspinal masses T9-T11. The spleen is enlarged."),
        ],
        warn("moderate", b="B1", c=4, d=1),
    ),
    "E21": (
        [HS, condition("Q85.01"), report("FINDINGS: Dumbbell-shaped paraspinal mass at T4.", modality="MR")],
        warn("limited", b="B1", c=1, d=6),
    ),
    "E22": (
        [
            NTDT,
            report(
                "FINDINGS: Bilateral thoracic paraspinal masses with minor cortical erosion of the adjacent vertebra. "
                "Widening of the ribs and cortical thinning."
            ),
        ],
        warn("strong", b="B1", c=5, d=1),
    ),
    "E23": (
        [
            NTDT,
            report(
                "CLINICAL INFORMATION: Fever without a source.\nFINDINGS: " + MANY + ", which contain fat. "
                "Inside the masses there is a rim-enhancing fluid collection. The spleen is enlarged."
            ),
        ],
        warn("limited", b="B1", c=9, d=4, hold=False),
    ),
    "E24": (
        [hb(150, 10), report(MASS + " IMPRESSION: Paraspinal mass, favour extramedullary hematopoiesis.")],
        R10 | e(indicator="info", card="I-7"),
    ),
    "E25": (
        [person(72), hb(100, 150), hb(98, 5), report("FINDINGS: Bilateral thoracic paraspinal masses."), order()],
        warn("limited", b="B2", f="ordered", c=2, d=1, hold=False),
    ),
    "E26": (
        [person(65), MF, report(THORACIC, 9), procedure("CT-guided biopsy of the paraspinal mass", 5)],
        e(row="R5", indicator="info", tier="moderate", card="I-8", f="done-pending", c=1),
    ),
    "E27": (
        [NTDT, report("", presentedForm=[{"contentType": "application/pdf", "data": "bm9wZQ=="}]), order()],
        R4 | e(b="B1", f="ordered", indicator="info", card="I-6"),
    ),
    "E28": ([NTDT, report(MASS)], warn("moderate", b="B1", c=0, d=0)),
    "E29": (
        [
            report("FINDINGS: Bilateral smooth lobulated thoracic paraspinal masses.", 20, ident="r0"),
            report(
                "CLINICAL INFORMATION: Chronic anemia of unclear cause.\n"
                "FINDINGS: The bilateral smooth lobulated thoracic paraspinal "
                "masses show uptake of Tc-99m sulfur colloid.",
                modality="NM",
            ),
        ],
        warn("moderate", b="B2", c=9, d=0),
    ),
    "E30": (
        [
            NTDT,
            report(MASS, 40),
            procedure("CT-guided biopsy of the paraspinal mass", 30),
            pathology("DIAGNOSIS: Paraspinal mass, core biopsy: schwannoma.", 28),
        ],
        e(row="R2", indicator="suppressed", tier="excluded", card=None, f="none"),
    ),
    "E32": (
        [person(55), CKD, report("FINDINGS: Paraspinal mass. Paraparesis.")],
        e(b="B3", g="present", row="R1", indicator="critical", tier="limited", card="K-1"),
    ),
    "E33": (
        [report("FINDINGS: Paraspinal widening.", modality="CR"), order()],
        e(a="possible", b="unknown", f="ordered", row="R12", indicator="info", tier="not-assessable", card="I-3"),
    ),
    "E34": (
        [
            WOMAN,
            NTDT,
            condition("C50.919", **status("remission"), onsetDateTime=ago(1095)),
            report("FINDINGS: Multiple bilateral paraspinal masses T6-T12.\n\nRECOMMENDATION: Biopsy is recommended."),
        ],
        warn("moderate", b="B1", f="recommended", c=4, d=1),
    ),
    "E35": ([condition("D62", onsetDateTime=ago(0)), hb(70, 0), hb(140, 30), report(MASS)], R10),
    "E36": ([condition("D62", onsetDateTime=ago(0)), hb(70, 0), report(MASS)], R8),
    "E37": ([hb(95, 60), hb(95, 0), report(MASS)], R8),
    "E38": ([hb(95, 100), hb(135, 60), hb(96, 0), report(MASS)], R8),
    "E39": (
        [hb(70, 100), hb(131, 80), hb(78, 0), procedure("Transfusion of red blood cells", 85), report(MASS)],
        warn("limited", b="B2", c=0, d=0),
    ),
    "E40": ([hb(95, 90), hb(95, 0), report(MASS)], warn("limited", b="B2")),
    "E41": ([condition("D45"), hb(165, 10), report("FINDINGS: Epidural mass.", modality="MR")], R7 | e(site="A2")),
    "E42": ([WOMAN, HS, hb(130, 10), report(MASS)], warn("moderate", b="B1")),
    "E43": ([WOMAN, condition("D57.3"), hb(130, 10), report(MASS)], R10),
    "E44": (
        [
            WOMAN,
            condition("77386006", onsetDateTime=ago(168)),
            hb(107, 42),
            hb(107, 0),
            {
                "resourceType": "Observation",
                "status": "final",
                "subject": {"reference": "Patient/p"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "8665-2"}]},
                "effectiveDateTime": ago(10),
                "valueDateTime": ago(168),
            },
            report(MASS),
        ],
        R10,
    ),
    "E45": (
        [
            WOMAN,
            NTDT,
            condition("77386006"),
            report("CLINICAL INFORMATION: Pregnant. Spastic gait.\nFINDINGS: Epidural mass T4-T8.", modality="MR"),
        ],
        e(b="B1", site="A2", g="present", c=1, row="R1", indicator="critical", tier="moderate", card="K-1"),
    ),
    "E46": (
        [condition("D56.9"), report("FINDINGS: Extramedullary hematopoiesis of the liver and spleen.")],
        R4 | e(b="B1"),
    ),
    "E47": ([MF, condition(None, "Posterior mediastinal mass")], R11 | e(focus=None)),
    "E50": ([report("CLINICAL INFORMATION: Mother has thalassemia.\n" + MASS)], R9 | e(b="unknown")),
    "E51": (
        [NTDT, report(MASS, 200, ident="r0"), report("FINDINGS: The paraspinal mass has resolved.", modality="MR")],
        R3 | e(b="B1", c=0, d=0),
    ),
    "E52": (
        [
            NTDT,
            report(MASS, 40),
            procedure("CT-guided biopsy of the paraspinal mass", 20),
            pathology("DIAGNOSIS: Paraspinal mass: blood and fibrin only, non-diagnostic.", 18),
        ],
        warn("moderate", f="none"),
    ),
    "E53": ([NTDT, report(MASS), order("Core needle biopsy of the left breast")], warn("moderate", f="none")),
    "E54": (
        [person(65), MF, report("FINDINGS: Paraspinal mass. Hemothorax on the left.")],
        e(g="present", row="R1", indicator="critical", tier="moderate", card="K-1"),
    ),
    "E55": (
        [NTDT, report("FINDINGS: Paraspinal mass. No cord compression. No canal extension.")],
        warn("moderate", g="absent"),
    ),
    "E56": (
        [NTDT, report(MASS, 30, ident="r0"), report("FINDINGS: No mediastinal mass.", 0, "CR")],
        R11 | e(b="B1"),
    ),
    "E57": (
        [NTDT, report("CLINICAL INFORMATION: No symptoms.\nFINDINGS: Incidental paraspinal mass.")],
        warn("moderate", c=0, d=0),
    ),
    "E58": (
        [
            condition("D56.1", **status("resolved"), abatementDateTime=ago(1000)),
            procedure("Allogeneic bone marrow transplant", 1100),
            hb(140, 10),
            report(MASS),
        ],
        R8,
    ),
    "Y01": (
        [hb(150, 100), report(MASS + "\n\nRECOMMENDATION: Biopsy is recommended.")],
        R9 | e(b="unknown", indicator="info", card="I-3"),
    ),
    "Y02": ([hb(110, 600), report(MASS)], R8),
    "Y03": ([hb(110, 600), hb(140, 20), report(MASS)], R8),
    "Y04": ([hb(110, 760), report(MASS)], R9 | e(b="unknown")),
    "Y05": ([NTDT, report("FINDINGS: The lungs are clear. The heart is of normal size.")], R4 | e(b="B1")),
    "Y06": (
        [NTDT, report("FINDINGS: Rim-enhancing paravertebral abscess T10-T11."), order()],
        R3 | e(f="ordered"),
    ),
    "Y07": (
        [NTDT, report("FINDINGS: Paraspinal soft-tissue mass at T10 with a central fluid collection.")],
        warn("limited", c=2, d=3),
    ),
    "Y08": (
        [
            person(55),
            CKD,
            report(
                "FINDINGS: Thoracic paraspinal mass with destruction of the pedicle. The spinal cord is compressed."
            ),
        ],
        R7 | e(g="present", c=1, d=4),
    ),
    "Y09": (
        [
            CKD,
            report(
                "FINDINGS: Multiple bilateral smooth lobulated calcified paraspinal "
                "masses T8-T12.\n\nRECOMMENDATION: Biopsy is recommended."
            ),
        ],
        R7 | e(f="recommended", c=6, d=2, indicator="warning", card="W-4"),
    ),
    "Y10": (
        [
            CKD,
            report(
                "FINDINGS: Multiple bilateral smooth calcified paraspinal masses "
                "T8-T12.\n\nRECOMMENDATION: Biopsy is recommended."
            ),
        ],
        R7 | e(c=5, d=2),
    ),
    "Y11": ([TRAIT, hb(118, 150), hb(140, 10), report(MASS)], R7),
    "Y12": ([person(months=4), hb(80, 5), report(MASS)], R9 | e(b="unknown", d=3)),
    "Y13": (
        [person(months=4), hb(80, 5), report("FINDINGS: Paraspinal mass. The spinal cord is compressed.")],
        e(b="unknown", g="present", d=3, row="R1b", indicator="warning", card="K-2"),
    ),
    "Y14": ([NTDT, report("FINDINGS: A paraspinal mass is unlikely.")], R3),
    "Y15": (
        [NTDT, report("FINDINGS: The paraspinal region is obscured by artifact."), order()],
        R4 | e(indicator="info", card="I-6"),
    ),
    "Y16": (
        [NTDT, report("FINDINGS: 2 cm right paraspinal mass at T10.", status="preliminary")],
        warn("moderate", c=2, d=0),
    ),
    "Y17": (
        [NTDT, report("FINDINGS: Paraspinal mass. No neurologic deficit. Cord compression cannot be excluded.")],
        e(g="possible", row="R1", indicator="critical", tier="moderate", card="K-1"),
    ),
    "Y18": ([NTDT, report("FINDINGS: Paraspinal mass. No hemothorax.")], warn("moderate", g="unknown")),
    "Y19": (
        [report("FINDINGS: Paraspinal mass. Dark and heterogeneous marrow signal of the vertebrae.", modality="MR")],
        R9 | e(b="unknown"),
    ),
    "Y20": ([hb(72, 5), lab("787-2", 68, "fL", 5), lab("2276-4", 6, "ug/L", 5), report(MASS)], R7),
    "Y21": ([hb(72, 5), lab("787-2", 68, "fL", 5), report(MASS)], warn("limited", b="B2")),
    "Y22": ([drug("Deferasirox", 100), condition("E83.110"), report(MASS)], R9 | e(b="unknown")),
    "Y23": ([drug("Deferasirox", 100), report(MASS)], warn("limited", b="B2")),
    "Y24": (
        [MF, report(MASS, 40), procedure("CT-guided biopsy of the paraspinal mass", 31)],
        warn("moderate", f="none"),
    ),
    "Y24b": (
        [MF, report(MASS, 40), procedure("CT-guided biopsy of the paraspinal mass", 30)],
        e(row="R5", indicator="info", card="I-8", f="done-pending"),
    ),
    "Y25": (
        [NTDT, report("FINDINGS: No paraspinal mass.\n\nADDENDUM: 3 cm left paraspinal mass at T9.")],
        warn("moderate", c=2, d=0),
    ),
    "Y26": ([NTDT, report("FINDINGS: Paraspinal mass T12-L2.")], warn("moderate", c=2)),
    "Y27": ([NTDT, report("FINDINGS: Paraspinal mass L2-L4.")], warn("moderate", c=0)),
    "Y28": ([condition("D57.1"), report("FINDINGS: Paraspinal mass. Autosplenectomy.")], warn("moderate", c=1)),
    "Y29": (
        [
            NTDT,
            condition(None, None),
            report(
                "",
                presentedForm=None,
                conclusionCode=[
                    {
                        "text": "Posterior mediastinal mass",
                        "coding": [{"system": "http://human-phenotype-ontology.org", "code": "HP:0033829"}],
                    }
                ],
            ),
        ],
        R11,
    ),
    "Y31": ([condition("D45"), hb(120, 200), report(MASS)], warn("moderate", b="B1")),
    "Y32": (
        [condition("C85.90", **status("remission"), abatementDateTime=ago(730)), hb(140, 10), report(MASS)],
        R7 | e(d=3),
    ),
    "Y33": ([NTDT, report("FINDINGS: " + MANY + ". Possible destruction of the pedicle.")], warn("moderate", c=6, d=2)),
    "Y34": (
        [report("FINDINGS: Bilateral thoracic paraspinal masses. Widening of the ribs and cortical thinning.")],
        warn("limited", b="B2", c=2, d=0),
    ),
    "Y35": (
        [
            report(
                "FINDINGS: Bilateral thoracic paraspinal masses. Widening of the ribs, cortical thinning and a widened "
                "medullary cavity."
            )
        ],
        warn("moderate", b="B2", c=5, d=0),
    ),
    "Y37": ([NTDT, report("CLINICAL INFORMATION: Rule out cord compression.\n" + MASS)], warn("moderate", g="unknown")),
    "Y38": (
        [
            NTDT,
            report(
                "CLINICAL INFORMATION: Known paraspinal mass.\nFINDINGS: The lungs are clear. IMPRESSION: Normal heart."
            ),
        ],
        R11,
    ),
    "Y39": (
        [
            hb(140, 10),
            report(MASS, 400, ident="r0"),
            report("FINDINGS: Paraspinal mass. Paraplegia."),
            pathology("DIAGNOSIS: Paraspinal mass, core biopsy: extramedullary hematopoiesis.", 360),
        ],
        e(b="B0", g="present", row="R1", indicator="critical", tier="known", card="K-1"),
    ),
    "Y40": (
        [
            NTDT,
            report("FINDINGS: Paraspinal mass. The spinal cord is compressed.", 40),
            procedure("CT-guided biopsy of the paraspinal mass", 30),
            pathology("DIAGNOSIS: Paraspinal mass, core biopsy: schwannoma.", 28),
        ],
        e(g="present", row="R2", indicator="suppressed", tier="excluded", card=None),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_policy_case(name: str) -> None:
    parts, expected = CASES[name]
    expected = dict(expected)
    focus = expected.pop("focus", "DiagnosticReport/r1")
    answer = assess(*parts, focus=focus)
    assert answer.error is None
    found = shown(answer)
    assert {key: found[key] for key in expected} == expected
