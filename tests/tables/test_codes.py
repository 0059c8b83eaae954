"""What a code means: systems and their aliases, subcodes, check digits, what may not be matched."""

import random

import pytest

from emhwatch.tables.checkdigit import mod10, verhoeff
from emhwatch.tables.codes import Role
from emhwatch.tables.load import load_tables

CODES = load_tables().codes
CM = "http://hl7.org/fhir/sid/icd-10-cm"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"


def concepts(system: str | None, code: str | None) -> list[str]:
    return [entry.concept for entry in CODES.find(system, code)]


@pytest.mark.parametrize(
    "system,code,concept",
    [
        (CM, "D56.1", "thal_beta"),
        (CM, "D561", "thal_beta"),
        (CM, " d56.1 ", "thal_beta"),
        (f"{CM}|2026", "D56.1", "thal_beta"),
        (f"{CM}/", "D56.1", "thal_beta"),
        ("urn:oid:2.16.840.1.113883.6.90", "D56.1", "thal_beta"),
        ("URN:OID:2.16.840.1.113883.6.90", "D56.1", "thal_beta"),
        (CM, "D57.219", "scd_sc"),
        (CM, "D57.3", "scd_trait"),
        (GM, "D56.1", "thal_beta"),
        (GM, "D56.1-", "thal_beta"),
        (GM, "C81.90", "lymphoma"),
        (GM, "M49.0*", "dd_pott_spinal_tb"),
        ("http://hl7.org/fhir/sid/icd-10", "A18.0+", "tuberculosis"),
        ("http://id.who.int/icd/release/11/mms", "3A50.2&XS25", "thal_beta"),
        ("http://www.orpha.net", "ORPHA:848", "thal_beta"),
        ("http://www.whocc.no/atc", "B01AA03", "rx_anticoagulant"),
        ("http://www.whocc.no/atc", "V03AC03", "rx_deferasirox"),
        ("http://loinc.org", "718-7", "hemoglobin"),
        ("http://snomed.info/sct", "40108008", "thalassemia"),
        ("http://snomed.info/sct|http://snomed.info/sct/731000124108", "40108008", "thalassemia"),
    ],
)
def test_found(system: str, code: str, concept: str) -> None:
    assert concepts(system, code) == [concept]


@pytest.mark.parametrize(
    "system,code",
    [
        (None, "D56.1"),
        (CM, None),
        (CM, ""),
        ("", "D56.1"),
        ("http://example.org/local", "D56.1"),
        (CM, "D5"),
        (CM, "D"),
        ("http://snomed.info/sct", "401080081"),
        ("http://loinc.org", "718"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "282.49"),
        ("http://unitsofmeasure.org", "G/DL"),
        ("http://www.ama-assn.org/go/cpt", "77012"),  # off by default
    ],
)
def test_not_found(system: str | None, code: str | None) -> None:
    assert concepts(system, code) == []


def test_longest_listed_code_wins_over_its_parent() -> None:
    assert concepts(CM, "D61.818") == ["pancytopenia"]
    assert concepts(CM, "D61.3") == ["aplastic_anemia"]
    assert concepts(CM, "D61.7") == ["aplastic_anemia"]  # of the header row


def test_h12_a_trait_code_never_sets_a_disease() -> None:
    for entry in CODES.entries():
        if "trait" in entry.concept:
            assert not any(key.startswith("dx_") and key != "dx_haemoglobinopathy_carrier" for key in entry.keys)


def test_remission_stands_on_the_code() -> None:
    assert [(e.concept, e.value) for e in CODES.find(CM, "C91.01")] == [("acute_leukemia", "remission")]
    assert [(e.concept, e.value) for e in CODES.find(CM, "C91.00")] == [("acute_leukemia", None)]


def test_roles_of_what_is_never_evidence() -> None:
    for code in ("D75.89", "Z86.2", "Z83.2"):
        assert [e.role for e in CODES.find(CM, code)] == [Role.CONTEXT]
    assert [e.role for e in CODES.find("http://loinc.org", "54289-4")] == [Role.LAB_EXCLUDED]


def test_every_shipped_code_finds_itself() -> None:
    systems = CODES.systems.by_key
    for entry in CODES.entries():
        if systems[entry.system].enabled:
            assert entry in CODES.find(systems[entry.system].url, entry.code)


@pytest.mark.parametrize("code", ["43399-6", "46127-9", "4625-4", "4576-9", "32682-8", "20977-8"])
def test_wrong_loinc_numbers_in_circulation_fail_the_check_digit(code: str) -> None:
    assert not mod10(code)


def test_wrong_code_with_a_right_check_digit_is_not_listed() -> None:
    assert mod10("24962-3")
    assert concepts("http://loinc.org", "24962-3") == []


def test_check_digits_catch_every_single_digit_and_most_swaps() -> None:
    rng = random.Random(4)
    snomed = [e.code for e in CODES.entries() if e.system == "snomed"]
    for code in snomed:
        assert verhoeff(code)
        place = rng.randrange(len(code))
        wrong = code[:place] + str((int(code[place]) + rng.randrange(1, 10)) % 10) + code[place + 1 :]
        assert not verhoeff(wrong)
        place = rng.randrange(len(code) - 1)
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert swapped == code or not verhoeff(swapped)


def test_garbage_never_raises() -> None:
    rng = random.Random(5)
    urls = [url for s in CODES.systems.by_key.values() for url in (s.url, *s.aliases)]
    for _ in range(3000):
        code = "".join(rng.choice("AD5.6-+*† \x00é|/&:") for _ in range(rng.randrange(12)))
        CODES.find(rng.choice(urls), code)
    assert not verhoeff("١٢٣") and not verhoeff("") and not mod10("١-١")
