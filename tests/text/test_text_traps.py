"""Text traps X1-X20 (policy 13): what misleads a reader of words, each with the right reading."""

import pytest

from tests.text.reading import read, values


def test_x1_gout_nodules_are_no_histology_of_the_mass() -> None:
    found = values(
        "Several slightly dense nodules in the soft tissue of the fingers, "
        "which pathology had been confirmed as gout nodules."
    )
    assert "histology_emh" not in found
    assert "histology_other" not in found


def test_x2_abscess_of_a_liver_segment_is_no_collection_of_the_mass() -> None:
    found = values("Acute cholecystitis complicated by an abscess of segment IV. Bilateral paravertebral masses.")
    assert "paraspinal_collection" not in found
    assert "rim_enhancing_fluid" not in found
    assert found["paraspinal_mass"] == "present"


def test_x3_general_statement_on_morbidity_is_no_danger() -> None:
    found = values("Paraspinal involvement is the associated with morbidity secondary to spinal cord compression.")
    assert found.get("cord_compression") != "present"


def test_x4_gold_standard_is_no_recommendation() -> None:
    assert "biopsy_recommended" not in values("Biopsy remains the gold standard.")


def test_x5_differential_list_is_no_disease() -> None:
    found = values("The differential diagnosis for a paraspinal mass includes neurogenic tumors, lymphoma, metastasis.")
    assert "dx_lymphoma" not in found
    assert "metastatic_cancer_active" not in found
    assert "paraspinal_mass" not in found


def test_x6_theory_of_lysis_is_no_destruction() -> None:
    found = values("The expanding marrow due to ineffective erythropoiesis causes progressive lysis of bone.")
    assert found.get("bone_destruction") != "present"


def test_x7_resorption_and_osteopenia_are_context() -> None:
    found = values("The CT showed diploic spaces widened with cortical thinning, loose bone resorption and osteopenia.")
    assert "bone_destruction" not in found
    assert found["osteopenia_fracture"] == "present"
    assert found["diploic_widening"] == "present"
    assert found["cortical_thinning"] == "present"


def test_x8_denial_runs_over_lysis_and_endoductal_extension() -> None:
    found = values("Bilateral paravertebral masses without detectable bone lysis or endoductal extension.")
    assert found["bone_erosion_denied"] == "present"
    assert found["canal_extension_denied"] == "present"
    assert found["bone_destruction"] == "absent"
    assert "cord_compression" not in found


def test_x9_do_not_erode_denies_erosion() -> None:
    found = values("Bilateral paravertebral masses. The masses are smooth and do not erode into the vertebral bodies.")
    assert found["bone_erosion_denied"] == "present"
    assert found["bone_erosion"] == "absent"


def test_x10_denial_runs_over_a_list_of_history() -> None:
    found = values("There was no history of travel, malignancy, vascular or infective disorders.")
    assert found.get("cancer_history_5y", "absent") == "absent"


def test_x11_family_history_is_not_the_patient() -> None:
    found = values("There was no family history of anemia.")
    assert "anaemia_unspecified" not in found
    assert "chronic_anaemia_documented" not in found


def test_x12_thickening_is_a_mass() -> None:
    reading = read("There is thickening of the bilateral thoracic para-vertebral soft tissues.", "CT")
    assert [mass.value for mass in reading.masses] == ["present"]
    assert reading.masses[0].side == "bilateral"
    assert "site_thoracic_paravertebral" in reading.masses[0].site_keys
    assert "mass_as_thickening" in {finding.key for finding in reading.findings}


def test_x13_costovertebral_splints_are_gutters() -> None:
    reading = read("Five oval formations at the level of the two costo-vertebral splints opposite T9-T10-T11.")
    assert "site_costovertebral" in reading.masses[0].site_keys
    assert reading.masses[0].levels == ("T9", "T10", "T11")


def test_x14_fat_that_cancels_out_is_fat() -> None:
    found = values("Paravertebral masses with a component fat that is canceled out in FAT SAT within them.")
    assert found["intralesional_fat"] == "present"


def test_x15_to_be_distinguished_from_neoplasms_is_general() -> None:
    found = values("EMH is a rare disease, and should be distinguished from other neoplasms of the mediastinum.")
    assert "paraspinal_mass" not in found


def test_x16_grams_per_litre_as_written() -> None:
    reading = read("The complete blood count revealed: hemoglobin (Hb), 54 g/l; hematocrit value, 0.175.")
    values_found = [(m.analyte, m.value, m.unit) for m in reading.measurements if m.analyte == "hemoglobin"]
    assert values_found == [("hemoglobin", 54.0, "g/l")]


def test_x17_hedged_diagnosis_leaves_the_mass_present() -> None:
    reading = read(
        "Lobulated soft tissue lesion in the paravertebral region, suggestive of extramedullary hematopoiesis."
    )
    assert reading.masses[0].value == "present"
    assert values(reading.text)["report_names_emh"] == "present"


def test_x18_not_a_feature_of_this_case() -> None:
    found = values("While not a prominent feature of this case, lesions in the spine can cause cord compression.")
    assert found.get("cord_compression") != "present"


def test_x19_mchc_is_not_hemoglobin() -> None:
    reading = read("Mean corpuscular Hb concentration, 308 g/l; mean corpuscular volume, 64.5 fl.")
    assert "hemoglobin" not in {m.analyte for m in reading.measurements}
    assert ("mcv", 64.5) in {(m.analyte, m.value) for m in reading.measurements}


def test_x20_scans_not_available_still_a_report() -> None:
    text = "Paravertebral masses are seen. These scans were not available to the patient, but the radiology report was."
    assert values(text)["paraspinal_mass"] == "present"


@pytest.mark.parametrize("name", [f"x{number}" for number in range(1, 21)])
def test_every_trap_has_a_test(name: str) -> None:
    assert any(test.startswith(f"test_{name}_") for test in globals())


def test_a_dropped_name_is_not_revived_when_features_are_attached() -> None:
    assert "ddx_pleural_fat" not in values("FINDINGS: Lipoma within the right erector spinae muscle.")


@pytest.mark.parametrize("words", ["typically show lobulated contours", "are typically lobulated"])
def test_a_general_word_reaches_over_its_own_verb(words: str) -> None:
    assert "lobulated" not in values(f"FINDINGS: Right paravertebral mass at T10. Neurogenic tumors {words}.")


def test_a_disease_named_by_its_treatment_is_the_disease_too() -> None:
    assert values("CLINICAL HISTORY: inadequately treated thalassemia.")["dx_thalassaemia"] == "present"


@pytest.mark.parametrize(
    "text",
    [
        "IMPRESSION: Paraspinal mass consistent with lymphoma, biopsy recommended.",
        "IMPRESSION: Left paraspinal mass. Biopsy could be considered if MRI shows features of lymphoma.",
        "IMPRESSION: Left paraspinal mass. Biopsy to confirm extramedullary hematopoiesis is not needed.",
        "IMPRESSION: Left paraspinal mass. Biopsy pending; imaging shows features of extramedullary hematopoiesis.",
        "CLINICAL HISTORY: Breast biopsy showed lymphoma. FINDINGS: Left paraspinal mass.",
        "CONCLUSION : Masse paravertébrale. Une biopsie est recommandée ; l'IRM montre un aspect de schwannome.",
    ],
)
def test_a_biopsy_that_is_wished_for_or_of_another_place_is_no_histology(text: str) -> None:
    assert values(text).keys().isdisjoint(("histology_emh", "histology_other"))


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: There is no longer any paraspinal mass.",
        "RÉSULTATS : On ne retrouve plus la masse médiastinale postérieure connue.",
        "RÉSULTATS : Il n'y a plus de masse paravertébrale.",
    ],
)
def test_a_mass_that_is_no_longer_there_is_absent(text: str) -> None:
    assert values(text)["paraspinal_mass"] == "absent"


def test_a_negation_ends_before_stable() -> None:
    found = values("RÉSULTATS : Masse latéro-vertébrale gauche ne comportant pas de calcification, stable depuis 2017.")
    assert (found["calcification"], found["stability"]) == ("absent", "present")


@pytest.mark.parametrize(
    ("text", "mass"),
    [
        ("FINDINGS: The paraspinal lines are normal.", "absent"),
        ("FINDINGS: The paraspinal lines are not displaced. No pleural effusion.", "absent"),
        ("FINDINGS: The left paraspinal stripe is displaced at T9.", "possible"),
        ("FINDINGS: Rib fracture, displaced. Paraspinal lines normal.", "absent"),
    ],
)
def test_a_line_on_a_film_is_a_possible_mass_only_when_it_is_moved(text: str, mass: str) -> None:
    assert values(text, "CR")["paraspinal_mass"] == mass


def test_fluid_of_the_psoas_is_none_of_a_mass_beside_it() -> None:
    found = values("FINDINGS: Paravertebral masses at T10. Left psoas abscess.")
    assert found["paraspinal_mass"] == "present"
    assert "rim_enhancing_fluid" not in found


def test_atrophy_of_a_back_muscle_denies_no_mass() -> None:
    assert "paraspinal_mass" not in values("FINDINGS: Fatty atrophy of the paraspinal muscles.")


def test_a_normal_conus_alone_denies_no_compression_of_the_cord() -> None:
    assert "cord_compression" not in values("FINDINGS: Lumbar paraspinal masses. The conus is normal.")
    assert values("FINDINGS: The cord and conus are normal.")["cord_compression"] == "absent"


@pytest.mark.parametrize(
    ("words", "key", "other"),
    [
        ("The margins are ill-defined.", "infiltrative_ill_defined", "well_circumscribed"),
        ("Its margins are smooth.", "well_circumscribed", "infiltrative_ill_defined"),
    ],
)
def test_margins_are_what_is_said_of_them(words: str, key: str, other: str) -> None:
    found = values(f"FINDINGS: Left paravertebral mass at T9. {words}")
    assert found[key] == "present"
    assert other not in found


def test_a_border_that_is_only_named_says_nothing_of_margins() -> None:
    assert "well_circumscribed" not in values(
        "FINDINGS: Left paraspinal mass touching the lateral border of the aorta."
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("CLINICAL HISTORY: Chronic lung disease.", "dx_thalassaemia"),
        ("CLINICAL HISTORY: The patient had a minor trauma.", "dx_haemoglobinopathy_carrier"),
        ("CLINICAL HISTORY: Contact with a dog and exposure to asbestos.", "tb_context"),
        ("FINDINGS: Right paraspinal mass. Hemorrhagic renal cyst and a blood pressure cuff.", "haemothorax"),
        ("RÉSULTATS : Masse paravertébrale droite. Compression bronchique par un ganglion.", "cord_compression"),
        ("FINDINGS: Right paraspinal mass on the whole.", "site_whole_spine"),
        ("RÉSULTATS : Masse paravertébrale droite avec un contingent kystique.", "intralesional_fat"),
    ],
)
def test_a_phrase_is_not_met_by_its_general_word_alone(text: str, key: str) -> None:
    assert key not in values(text)
