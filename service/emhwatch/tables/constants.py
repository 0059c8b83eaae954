"""`mappings/decision/constants.csv`: the numbers of the policy (section 15) by name."""

from emhwatch.tables.source import TableFiles

PATH = "mappings/decision/constants.csv"
#: Constants that the program asks for; each must stand in `constants.csv`.
NAMES = (
    *("mass_newest_evidence", "hb_recent", "hb_single_low", "series_gap_min", "series_gap_max", "series_before_report"),
    *("transfusion_shadow", "acute_episode", "normal_before_bleed_min", "normal_before_bleed_max", "severe_hb"),
    *("mcv_low", "mcv_high", "ferritin_high", "ferritin_low", "companion", "ferritin_newest", "transfusion_episodes"),
    *("transfusion_window", "transfusion_same_episode", "drug_record", "chemotherapy", "cancer_history", "stability"),
    *("long_standing", "newborn_months", "spleen_length", "adult_years", "biopsy_pending", "note_biopsy"),
    *("danger_document", "symptom_document", "age_old", "age_child", "dedup", "override", "major_points"),
    *("hb_min", "hb_max", "liver_hu"),
)


def parse(files: TableFiles) -> dict[str, int]:
    """Value of each constant; problems go to `files`."""
    found: dict[str, int] = {}
    for row in files.csv(PATH, ("name", "value", "unit", "words")):
        if not row["value"].isdecimal():
            files.problem(PATH, row.line, row["name"], "not a whole number", "write digits")
            continue
        if row["name"] not in NAMES:
            files.problem(PATH, row.line, row["name"], "nothing uses this constant", "remove it or correct its name")
        found[row["name"]] = int(row["value"])
    for name in NAMES:
        if name not in found:
            files.problem(PATH, 0, name, "missing", "add the constant")
    return found
