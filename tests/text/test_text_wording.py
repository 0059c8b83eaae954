"""Wordings that fooled an earlier reader: what each says of one key."""

import pytest

from tests.text.reading import read, values

MASS = "Left paraspinal mass at T8. "
SAID = [
    # a denial inside the gap of a phrase
    ("en", "The spleen is not enlarged.", "splenomegaly", "absent"),
    ("en", "The spleen may be enlarged.", "splenomegaly", "possible"),
    ("en", "The ribs are not expanded.", "rib_widening", "absent"),
    ("fr", "La rate n'est pas augmentée de taille.", "splenomegaly", "absent"),
    ("fr", "Les côtes ne sont pas élargies.", "rib_widening", "absent"),
    (
        "en",
        "Paraspinal mass, T1 hyperintense, does not suppress with fat saturation.",
        "t1_hyper_fat",
        "unknown",
    ),
    # words that are no general statement, plan or question by themselves
    ("en", "There may be a small paraspinal mass at T8.", "paraspinal_mass", "possible"),
    ("en", MASS + "Extramedullary hematopoiesis should be considered.", "report_names_emh", "possible"),
    ("en", MASS + "Extramedullary hematopoiesis could be considered.", "report_names_emh", "possible"),
    ("en", MASS + "Extramedullary hematopoiesis is one possibility.", "report_names_emh", "possible"),
    ("en", MASS + "These findings suggest extramedullary hematopoiesis.", "report_names_emh", "present"),
    (
        "en",
        MASS + "The differential includes schwannoma and EMH.",
        "report_names_emh",
        "possible",
    ),
    ("en", "Paraspinal mass at T8, ? extramedullary hematopoiesis.", "report_names_emh", "possible"),
    ("en", "It lies against the vertebra, a paraspinal mass at T8 with erosion of the rib.", "bone_erosion", "present"),
    ("fr", "Masse paravertébrale gauche en D9 avec quelques calcifications.", "calcification", "present"),
    ("fr", "La masse paravertébrale gauche en D9 reste stable.", "unchanged", "present"),
    ("fr", "Masse paravertébrale infiltrante, mal limitée.", "paraspinal_mass", "present"),
    # whose disease, and when
    (
        "en",
        "HISTORY: rule out malignancy in patient with sickle cell disease.",
        "dx_sickle_cell_disease",
        "present",
    ),
    ("en", "CLINICAL HISTORY: breast cancer with bone metastases.", "metastatic_cancer_active", "present"),
    ("en", "CLINICAL HISTORY: no active malignancy.", "dx_active_cancer", "absent"),
    ("fr", "INDICATION : bilan de masses chez un patient thalassémique.", "dx_thalassaemia", "present"),
    # where
    ("en", "Masses flank the lumbar spine at L2-L4.", "paraspinal_mass", "present"),
    ("en", "Hx: cough.\nLungs: clear.\nParaspinal: soft tissue mass at T9.", "paraspinal_mass", "present"),
    ("en", "Enlarged retrocrural and mediastinal lymph nodes.", "lymphadenopathy", "present"),
    ("en", "Bones: diffuse sclerosis, no lytic lesion.", "paraspinal_mass", "unknown"),
    # what a denial leaves alone
    ("en", MASS + "Neither mass contained calcium.", "calcification_denied", "present"),
    ("en", MASS + "None of the masses shows fat.", "intralesional_fat", "absent"),
    ("en", MASS + "It abuts the aorta without narrowing it and erodes the rib.", "bone_erosion", "present"),
    ("en", MASS + "The adjacent vertebrae are intact.", "bone_erosion_denied", "present"),
    ("en", "No paravertebral shadow.", "paraspinal_mass", "absent"),
    ("en", "The paravertebral shadows are normal.", "paraspinal_mass", "absent"),
    ("en", "Left paraspinal opacity with normal heart.", "paraspinal_mass", "possible"),
    ("en", "Aneurysm of the aorta mimicking a paraspinal mass.", "paraspinal_mass", "absent"),
    # stated in words that stand apart
    ("en", MASS + "The masses contain iron.", "iron_signal", "present"),
    ("en", MASS + "They lose signal on fat-saturated images.", "intralesional_fat", "present"),
    ("en", "Spleen: enlarged.", "splenomegaly", "present"),
    ("en", "Spleen: surgically absent.", "splenectomy_blood_disease", "present"),
    ("en", "Liver: dense, 84 HU on unenhanced images.", "hepatic_siderosis", "present"),
    ("en", MASS + "The T8-T9 disc is destroyed.", "bone_destruction", "unknown"),
    ("en", MASS + "The T8-T9 disc is destroyed.", "disc_endplate_disease", "present"),
    ("en", "Reflexes are brisk and plantars are upgoing.", "neuro_deficit", "present"),
    ("en", "Power is 3/5 in both legs.", "neuro_deficit", "present"),
    ("en", "Transfused with 2 units of packed cells every 4 weeks.", "chronic_transfusion_history", "present"),
    (
        "en",
        "Nanocolloid was injected. Intense uptake is seen in the paraspinal masses.",
        "tc99m_sulfur_colloid",
        "present",
    ),
    ("en", "FDG PET. Intense uptake is seen in the paraspinal masses.", "tc99m_sulfur_colloid", "unknown"),
    ("en", "Abscess in the right psoas and paravertebral tissues.", "paraspinal_collection", "present"),
    (
        "fr",
        "Aspect évocateur d'hématopoïèse extramédullaire dans ce contexte de drépanocytose.",
        "dx_sickle_cell_disease",
        "present",
    ),
    ("fr", "Masse paravertébrale droite rehaussée discrètement.", "enhancement_minimal_none", "present"),
    # the wish for a biopsy
    ("en", MASS + "Biopsy should be avoided.", "biopsy_recommended", "absent"),
    ("en", MASS + "Biopsy could be considered.", "biopsy_recommended", "present"),
    # how likely
    ("en", MASS + "Extramedullary hematopoiesis is possible but unlikely.", "report_names_emh", "possible"),
    (
        "en",
        "Sickle cell disease makes EMH the leading diagnosis of this paraspinal mass.",
        "dx_sickle_cell_disease",
        "present",
    ),
    # general statements, and what only looks like one
    ("en", "One of the paraspinal masses at T9 is calcified.", "paraspinal_mass", "present"),
    ("en", "Paraspinal mass at T8 can be seen on axial images.", "paraspinal_mass", "present"),
    ("en", "Paraspinal mass at T7, which may result in paraplegia if untreated.", "paraspinal_mass", "present"),
    ("en", "Cord compression by extramedullary hematopoiesis is rare.", "cord_compression", "unknown"),
    ("en", "Paraspinal masses, likely EMH as a complication of her thalassemia.", "dx_thalassaemia", "present"),
    ("en", MASS + "It is atypical for EMH.", "report_names_emh", "possible"),
    ("en", "Coarse hepatic echotexture.", "coarse_lacy_trabeculae", "unknown"),
    ("en", "No cord compromise.", "cord_compression", "absent"),
    # where the findings begin
    ("en", "Indication: back pain, ?paraspinal mass.\n\nFindings: Lungs are clear.", "paraspinal_mass", "unknown"),
    (
        "en",
        "Technique: unenhanced CT. There is a paraspinal mass. Liver attenuation is 78 HU.",
        "hepatic_siderosis",
        "present",
    ),
    ("en", "Paraspinal masses show FDG uptake similar to marrow.", "unchanged", "unknown"),
    ("en", MASS + "Mild homogeneous enhancement.", "enhancement_homogeneous", "present"),
    ("en", MASS + "Mild homogeneous enhancement.", "enhancement_moderate", "present"),
    # words that are another word, or another organ's
    ("en", "Old thalamic infarct.", "dx_thalassaemia", "unknown"),
    ("en", "Thal intermedia.", "dx_ntdt", "present"),
    ("en", "Mild thrombocytopenia.", "thrombosis_history", "unknown"),
    ("en", "Portal vein thrombosis.", "thrombosis_history", "present"),
    ("en", "Liver and spleen are normal, right kidney 13.5 cm.", "splenomegaly", "absent"),
    ("en", "Liver 19 cm, spleen 14.5 cm.", "splenomegaly", "present"),
    ("en", MASS + "The mass has been stable over 6 months.", "stability", "unknown"),
    ("en", MASS + "The mass has been stable over 6 years.", "stability", "present"),
    ("fr", "Insuffisance rénale aiguë.", "dx_ckd", "unknown"),
    ("en", "Lobulated, non-calcified, homogeneous paraspinal masses.", "paraspinal_mass", "present"),
    ("en", "Lobulated, non-calcified, homogeneous paraspinal masses.", "calcification", "absent"),
    ("en", "Multiple lytic lesions and a paraspinal mass.", "bone_destruction", "present"),
    ("en", "Paraspinal masses are present; cord compression is not.", "cord_compression", "absent"),
    ("en", MASS + "It does not appear to be causing cord compression.", "cord_compression", "absent"),
    ("en", "MRI requested to look for cord compression: none found.", "cord_compression", "absent"),
    ("en", "The patient's mother has thalassemia.", "dx_thalassaemia", "unknown"),
    ("en", "Fat is not a component of the paraspinal mass.", "intralesional_fat", "absent"),
    ("fr", "La masse paravertébrale ne comprime pas la moelle.", "cord_compression", "absent"),
    ("fr", "Absence d'anomalie des parties molles paravertébrales.", "paraspinal_mass", "absent"),
    ("fr", "La masse n'envahit pas le canal rachidien.", "canal_extension_denied", "present"),
    ("fr", "Suspicion de compression médullaire, non confirmée.", "cord_compression", "absent"),
    # told in the past
    ("fr", "Masse paravertébrale gauche. Elle n'est pas calcifiée.", "calcification", "absent"),
    ("fr", "Diagnostic de drépanocytose posé en 2010.", "dx_sickle_cell_disease", "present"),
]
#: Key that the text says of today, whatever went before.
TODAY = [
    ("en", "Indication: back pain.\n\nThere is a left paraspinal mass at T9.", "paraspinal_mass"),
    ("en", "History: cough.\nComparison: none.\nLeft paraspinal mass at T9.", "paraspinal_mass"),
    ("en", "Clinical: sickle cell disease. There are bilateral paraspinal masses.", "paraspinal_mass"),
    ("en", "A left paravertebral mass was seen at T8.", "paraspinal_mass"),
    ("en", "A left paravertebral mass was seen on the CT.", "paraspinal_mass"),
    ("fr", "Une masse paravertébrale gauche a été notée en D8.", "paraspinal_mass"),
    ("en", "Transfused every 4 weeks since childhood.", "chronic_transfusion_history"),
    ("fr", "Patient hospitalisé pour une paraparésie.", "neuro_deficit"),
]
#: Denials of something else than the mass.
SPARED = [
    MASS + "Neither mass contained calcium.",
    MASS + "None of the masses shows fat.",
    MASS + "No new mass in the paraspinal region.",
]
LEVELS = [
    ("en", "Paraspinal masses from the 5th to the 7th thoracic vertebra.", ("T5", "T6", "T7")),
    ("fr", "Masse paravertébrale de la 5e à la 7e vertèbre dorsale.", ("T5", "T6", "T7")),
    ("en", "Left paraspinal mass at T11, T1 hyperintense and T2 bright.", ("T11",)),
    ("en", "Left paraspinal mass at T11 with intermediate T1 and T2 signal.", ("T11",)),
    ("en", "Left paraspinal mass at T1-T3, T2 bright.", ("T1", "T2", "T3")),
    ("en", "Left paraspinal masses at T5 and T8.", ("T5", "T8")),
    ("en", "Left paraspinal mass between T5 and T8.", ("T5", "T6", "T7", "T8")),
    ("fr", "Masse paravertébrale gauche en T11 en hypersignal T1.", ("T11",)),
    ("fr", "Masse paravertébrale de la cinquième à la septième vertèbre dorsale.", ("T5", "T6", "T7")),
]
SIZES = [
    ("Right paraspinal mass at T8, now 2.1 cm, previously 3.4 cm.", 21.0),
    ("Right paraspinal mass at T8 measures 2.1 cm (previously 3.4 cm).", 21.0),
    ("Previously described right paraspinal mass at T8 measures 2.1 x 3.4 cm.", 34.0),
]


@pytest.mark.parametrize(("language", "text", "key", "value"), SAID)
def test_h03_what_a_wording_says_of_a_key(language: str, text: str, key: str, value: str) -> None:
    assert values(text, "MR", language).get(key, "unknown") == value


@pytest.mark.parametrize(("language", "text", "levels"), LEVELS)
def test_levels_are_vertebrae_and_no_sequences(language: str, text: str, levels: tuple[str, ...]) -> None:
    (mass,) = read(text, "MR", language).masses
    assert mass.levels == levels


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_the_size_is_that_of_today(text: str, size: float) -> None:
    (mass,) = read(text, "MR", "en").masses
    assert mass.size_mm == size


@pytest.mark.parametrize(("language", "text", "key"), TODAY)
def test_h03_what_is_told_of_today_is_no_past(language: str, text: str, key: str) -> None:
    reading = read(text, "CT", language)
    stated = [finding for finding in reading.findings if finding.key == key]
    assert [(str(finding.value), str(finding.temporality)) for finding in stated] == [("present", "current")]
    assert all((str(mass.value), str(mass.temporality)) == ("present", "current") for mass in reading.masses)


@pytest.mark.parametrize("text", SPARED)
def test_h03_a_denial_of_something_else_leaves_the_mass(text: str) -> None:
    found = {str(finding.value) for finding in read(text, "CT", "en").findings if finding.key == "paraspinal_mass"}
    assert found == {"present"}
