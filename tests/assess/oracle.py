"""A second, slow implementation of the decision, written from the policy text with whole day numbers and plain dicts.

It shares nothing with the product: no tables, no types, no dates. A day is an integer, a patient a dict.
"""

from itertools import product
from typing import Any

ALWAYS = [
    "dx_aplastic_anaemia",
    "dx_cda",
    "dx_chronic_haemolytic_anaemia",
    "dx_cml",
    "dx_enzyme_defect",
    "dx_hereditary_spherocytosis",
    "dx_mds",
    "dx_myelofibrosis",
    "dx_ntdt",
    "dx_pnh",
    "dx_red_cell_aplasia",
    "dx_sickle_cell_disease",
    "dx_sideroblastic_anaemia",
    "dx_tdt",
    "dx_thalassaemia",
]
IF_ANEMIC = ["dx_gaucher", "dx_mpn_other"]
HEMOLYTIC = [
    "dx_cda",
    "dx_chronic_haemolytic_anaemia",
    "dx_enzyme_defect",
    "dx_hereditary_spherocytosis",
    "dx_ntdt",
    "dx_pnh",
    "dx_sickle_cell_disease",
    "dx_tdt",
    "dx_thalassaemia",
]
BLOOD_CANCER = ["dx_leukaemia_lymphoma", "dx_lymphoma", "dx_myeloid_blast_disease", "dx_myeloma"]
CAUSES = [
    *BLOOD_CANCER,
    *[
        "dx_active_cancer",
        "dx_chronic_inflammation",
        "dx_cirrhosis",
        "dx_ckd",
        "dx_haemoglobinopathy_carrier",
        "dx_iron_deficiency",
    ],
    "metastatic_cancer_active",
]
SIGNS = [
    "rib_widening",
    "cortical_thinning",
    "coarse_lacy_trabeculae",
    "diploic_widening",
    "hair_on_end",
    "medullary_widening",
    "striated_vertebra",
]
OPPOSING = {
    3: "disc_endplate_disease rim_enhancing_fluid dumbbell_foraminal dx_nf1 csf_like_cyst "
    "metastatic_cancer_active dx_lymphoma",
    2: "dx_myeloid_blast_disease calcification aortic_encasement nerve_sheath_sign late_growth",
    1: "cancer_history_5y infiltrative_ill_defined necrosis fever_unexplained tb_context weight_loss_night_sweats "
    "prior_other_label",
}
SEEN = ("present", "possible")


def completed_months(born: tuple[int, int, int], day: tuple[int, int, int]) -> int:
    months = 12 * (day[0] - born[0]) + day[1] - born[1]
    return months - 1 if day[2] < born[2] else months


class Oracle:
    """`p`: t, report_day, sex, hb [(day, value)], transfusions [day], acute [(first, last)],
    labs {name: [(day, value, high)]}, facts {key: value}, months(day) and gestation(day)."""

    def __init__(self, p: dict[str, Any]) -> None:
        self.p = p
        self.hb: list[tuple[int, float]] = sorted(
            {day: min(v for d, v in p["hb"] if d == day) for day, _ in p["hb"]}.items()
        )

    def limit(self, day: int) -> int | None:
        months, week = self.p["months"](day), self.p["gestation"](day)
        if months is not None and months < 6:
            return None
        if week is not None:
            if week == "unknown":
                return 105
            return 105 if 98 <= week <= 195 else 110
        if months is not None:
            for below, limit in ((24, 105), (60, 110), (144, 115), (180, 120)):
                if months < below:
                    return limit
        return 130 if self.p["sex"] == "male" else 120

    def low(self, day: int, value: float) -> bool:
        limit = self.limit(day)
        return limit is not None and value < limit

    def normal(self, day: int, value: float) -> bool:
        limit = self.limit(day)
        shadow = [d for d in self.p["transfusions"] if d <= day <= d + 120]
        return limit is not None and value >= limit and not shadow

    def acute(self, day: int) -> bool:
        return any(first <= day <= last for first, last in self.p["acute"])

    def single_low(self, day: int, value: float) -> bool:
        if not self.low(day, value) or not self.p["t"] - 730 <= day <= self.p["t"]:
            return False
        for first, last in self.p["acute"]:
            before = [d for d, v in self.hb if first - 90 <= d <= first - 1 and self.normal(d, v)]
            if first <= day <= last and before:
                return False
        return True

    def later_value(self, day: int) -> bool:
        return self.p["report_day"] - 365 <= day <= self.p["t"]

    def series(self) -> set[str]:
        kinds = set()
        for (i, vi), (j, vj) in product(self.hb, self.hb):
            if not (self.low(i, vi) and self.low(j, vj)) or self.acute(i) or self.acute(j):
                continue
            if not 90 <= j - i <= 730 or not self.later_value(j):
                continue
            if any(i < d < j and self.normal(d, v) for d, v in self.hb):
                continue
            both = self.p["gestation"](i) is not None and self.p["gestation"](j) is not None
            kinds.add("pregnancy" if both else "chronic")
        return kinds

    def severe(self, facts: dict[str, str]) -> bool:
        imaging = any(facts.get(k) == "present" for k in [*SIGNS, "hepatic_siderosis", "splenomegaly"])
        for day, value in self.hb:
            if value >= 80 or not self.low(day, value) or self.acute(day) or not self.later_value(day):
                continue
            labs = {
                name: [(v, high) for d, v, high in results if day - 90 <= d <= day + 90]
                for name, results in self.p["labs"].items()
            }
            if (
                imaging
                or any(v < 75 or v > 105 for v, _ in labs.get("mcv", []))
                or any(high for name in ("bilirubin", "reticulocytes") for _, high in labs.get(name, []))
                or any(v > 1000 for v, _ in labs.get("ferritin", []))
            ):
                return True
        return False

    def grade(self, without: str | None = None) -> str:
        facts = {k: v for k, v in self.p["facts"].items() if k != without}

        def some(keys: Any, *values: str) -> bool:
            return any(facts.get(k) in values for k in keys)

        t = self.p["t"]
        months = self.p["months"](t)
        if months is not None and months < 6:
            if some(ALWAYS, "present"):
                return "B1"
            if some(["dx_mpn_other", *BLOOD_CANCER], "present"):
                return "B3"
            return "B?" if some([*ALWAYS, *IF_ANEMIC], "possible") else "unknown"
        single = any(self.single_low(d, v) for d, v in self.hb)
        documented = some(["chronic_anaemia_documented", "chronic_anaemia_unclear_cause"], "present")
        ferritin = [(d, v) for d, v, _ in self.p["labs"].get("ferritin", []) if t - 365 <= d <= t]
        newest = max((d for d, _ in ferritin), default=None)
        depleted = next((v < 15 for d, v in ferritin if d == newest), False)
        iron = some(["dx_iron_deficiency"], "present") or depleted
        cause = iron or some(CAUSES, "present")
        series, severe = self.series(), self.severe(facts)
        if some(ALWAYS, "present") or ((single or documented) and some(IF_ANEMIC, "present")):
            return "B1"
        signs = sum(facts.get(k) == "present" for k in SIGNS)
        if (
            (documented and not cause)
            or ("chronic" in series and not cause)
            or some(["chronic_transfusion_history", "luspatercept_use"], "present")
            or (some(["iron_chelator_use"], "present") and not some(["dx_haemochromatosis"], "present"))
            or (severe and not iron)
            or signs >= 2
            or (signs == 1 and some(["splenomegaly", "hepatic_siderosis"], "present"))
            or some(["dx_b12_folate_deficiency"], "present")
        ):
            return "B2"
        if (
            ((documented or "chronic" in series) and cause)
            or series == {"pregnancy"}
            or (severe and iron)
            or (some(["dx_haemoglobinopathy_carrier"], "present") and single)
            or some(["dx_mpn_other", *BLOOD_CANCER], "present")
        ):
            return "B3"
        usable = [(d, v) for d, v in self.hb if t - 90 <= d <= t and (self.low(d, v) or self.normal(d, v))]
        possible = ["chronic_anaemia_documented", "chronic_anaemia_unclear_cause", "chronic_transfusion_history"]
        if (
            single
            or some([*ALWAYS, *IF_ANEMIC, *possible, "dx_b12_folate_deficiency"], "possible")
            or some(SIGNS, *SEEN)
            or (not usable and some(["anaemia_unspecified", "clinical_pallor"], "present"))
        ):
            return "B?"
        return "B0" if any(self.normal(d, v) for d, v in usable) else "unknown"

    def danger(self) -> str:
        items = {k: self.p["facts"].get(k, "unknown") for k in ("cord_compression", "neuro_deficit", "haemothorax")}
        for value in SEEN:
            if value in items.values():
                return value
        return "absent" if "absent" in (items["cord_compression"], items["neuro_deficit"]) else "unknown"

    def points(self, mass: dict[str, str]) -> tuple[int, int, bool]:
        grade = self.grade()
        facts = {**self.p["facts"], **mass}

        def has(*keys: str) -> bool:
            return any(facts.get(k) == "present" for k in keys)

        def seen(*keys: str) -> bool:
            return any(facts.get(k) in SEEN for k in keys)

        def twice(key: str) -> bool:
            """Present, and not what alone carries grade B2."""
            return has(key) and (grade != "B2" or self.grade(without=key) in ("B1", "B2"))

        signs = sum(twice(k) for k in SIGNS)
        c = min(2, has("site_thoracic_paravertebral", "site_costovertebral") + has("level_caudal_to_t6"))
        c += min(2, has("laterality_bilateral") + has("multiplicity"))
        c += min(2, has("well_circumscribed") + has("lobulated"))
        c += min(3, 2 * has("intralesional_fat", "t1_hyper_fat") + 2 * has("iron_signal"))
        c += 3 if signs > 1 else 2 if signs == 1 else 0
        spleen = twice("splenomegaly") or has("splenectomy_blood_disease")
        c += min(2, spleen + twice("hepatic_siderosis") + has("other_emh_site"))
        c += has("bone_erosion_denied") and not seen("bone_destruction", "bone_erosion")
        c += has("calcification_denied") and not seen("calcification")
        c += 2 * has("stability") + 5 * has("tc99m_sulfur_colloid")

        d = {}
        for weight, keys in OPPOSING.items():
            for key in keys.split():
                d[key] = {"present": weight, "possible": (weight + 1) // 2}.get(facts.get(key, ""), 0)
        mild = grade == "B1" and has(*HEMOLYTIC) and has(*SIGNS)
        destroyed = {"present": 4, "possible": 2}.get(facts.get("bone_destruction", ""), 0)
        eroded = {"present": 1 if mild else 2, "possible": 1}.get(facts.get("bone_erosion", ""), 0)
        d["bone"] = max(destroyed, eroded)
        if seen("rim_enhancing_fluid"):
            d["necrosis"] = 0
        if has("metastatic_cancer_active"):
            d["cancer_history_5y"] = 0
        years = self.years()
        if years is not None and years < 5:
            d["age_under_5"] = 3
        if years is not None and years >= 60 and grade != "B1":
            d["age_60_no_b1"] = 1
        return c, sum(d.values()), max(d.values()) >= 3

    def years(self) -> int | None:
        months = self.p["months"](self.p["t"])
        return None if months is None else months // 12

    def tier(self, x: dict[str, Any], c: int, d: int, major: bool, colloid: bool) -> str:
        grade, years, order = self.grade(), self.years(), ["limited", "moderate", "strong"]
        fits = 0
        if not major and grade == "B1":
            if c - d >= 0:
                fits = 1
            if (x["site"] == "A1" and d <= 1 and c - d >= 4) or (colloid and d <= 2):
                fits = 2
        elif not major and grade == "B2" and ((x["site"] == "A1" and c - d >= 4) or colloid):
            fits = 1
        if x["site"] == "A2" or (years is not None and years < 10):
            fits = min(fits, 1)
        if x["a"] == "possible" or major or (years is not None and years < 5):
            fits = 0
        return order[fits]

    def answer(self, mass: dict[str, str], x: dict[str, Any]) -> dict[str, Any]:
        """Everything about one mass. `x`: blocked, a, site, f, h, e, priority, rival_leads."""
        b, g = self.grade(), self.danger()
        c, d, major = self.points(mass)
        tier = self.tier(x, c, d, major, mass.get("tc99m_sulfur_colloid") == "present")
        row, indicator, shown, card = self.row(x, b, g, c - d, major, tier)
        years = self.years()
        hold = (
            (x["f"], row, x["a"]) == ("ordered", "R6", "present")
            and shown != "limited"
            and not major
            and d <= 2
            and not x["rival_leads"]
            and g not in SEEN
            and years is not None
            and years >= 5
            and x["priority"] not in ("stat", "asap")
        )
        return {
            "blood": b, "danger": g, "supporting": c, "opposing": d, "major": major, "row": row, "indicator": indicator,
            "tier": shown, "card": card, "hold": hold,
        }  # fmt: skip

    def row(
        self, x: dict[str, Any], b: str, g: str, n: int, major: bool, tier: str
    ) -> tuple[str, str, str, str | None]:
        a, f, h = x["a"], x["f"], x["h"]
        planned = f in ("recommended", "ordered")
        if x["blocked"]:
            return "R0", "none", "not-assessed", None
        if g in SEEN and a in SEEN and h != "other":
            if h == "emh":
                return "R1", "critical", "known", "K-1"
            if b in ("B1", "B2") or (b == "B3" and not major):
                return "R1", "critical", tier, "K-1"
            if b in ("B?", "unknown"):
                return "R1b", "warning", "not-assessable", "K-2"
        if h != "unknown":
            return "R2", "suppressed", {"emh": "known", "other": "excluded"}[h], None
        if a == "absent":
            return "R3", "none", "not-applicable", None
        if a == "unknown":
            asked = f == "ordered" and b in ("B1", "B2")
            return ("R4", "info", "not-assessable", "I-6") if asked else ("R4", "none", "not-assessable", None)
        if f == "done-pending" and b in ("B1", "B2", "B3"):
            return "R5", "info", tier, "I-8"
        if a == "possible":
            if b in ("B1", "B2"):
                return ("R11", "warning", "limited", "W-3") if f == "ordered" else ("R11", "info", "limited", "I-1")
            shown = f == "ordered" and b != "B0"
            return ("R12", "info", "not-assessable", "I-3") if shown else ("R12", "none", "not-assessable", None)
        years = self.years()
        if b == "B2" and years is not None and years < 5:
            return "R6p", "info", "limited", "I-4"
        if b in ("B1", "B2"):
            return "R6", "warning", tier, {"strong": "W-1", "moderate": "W-2", "limited": "W-3"}[tier]
        if b == "B3":
            alike = planned and n >= 4 and not major
            return ("R7", "warning", "limited", "W-4") if alike else ("R7", "info", "limited", "I-4")
        if b == "B?":
            return "R8", "info", "not-assessable", "I-5"
        if b == "unknown":
            return ("R9", "info", "not-assessable", "I-3") if planned else ("R9", "none", "not-assessable", None)
        named = x["e"] in SEEN
        return ("R10", "info", "not-supported", "I-7") if named else ("R10", "none", "not-supported", None)
