"""All carriers of one DiagnosticReport: order of trust, each sentence once, a reason for what is missing."""

import base64
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emhwatch.carrier import Reason, report_text

FULL = "FINDINGS:\nParavertebral mass at T9.\nIMPRESSION:\nMass at T9."


def form(text: str, kind: str = "text/plain") -> dict[str, str]:
    return {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}


def texts(report: dict[str, Any], **known: dict[str, Any]) -> tuple[list[tuple[str, str]], list[Reason]]:
    by_reference = {key.replace("__", "/"): value for key, value in known.items()}

    def resolve(reference: dict[str, Any] | str) -> dict[str, Any] | None:
        return by_reference.get(reference if isinstance(reference, str) else str(reference.get("reference")))

    found = report_text({"resourceType": "DiagnosticReport"} | report, resolve)
    return [(part.path, part.text) for part in found.parts], [gap.reason for gap in found.missing]


def test_order_of_trust() -> None:
    report = {
        "presentedForm": [form("First words.")],
        "extension": [
            {
                "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note",
                "valueAnnotation": {"text": "Second words."},
            }
        ],
        "result": [{"reference": "Observation/1"}],
        "conclusion": "Fourth words.",
        "text": {"status": "generated", "div": "<div>Never read here.</div>"},
    }
    observation = {"resourceType": "Observation", "status": "final", "valueString": "Third words."}
    parts, missing = texts(report, Observation__1=observation)
    assert [c for c, _ in parts] == ["presentedForm[0]", "extension[0]", "result[0]", "conclusion"]
    assert missing == []


def test_the_same_report_in_three_forms_is_read_once() -> None:
    html = (
        "<html><body><p>FINDINGS:</p><p>Paravertebral mass at T9.</p><p>IMPRESSION:</p><p>Mass at T9.</p></body></html>"
    )
    parts, _ = texts({"presentedForm": [form(FULL), form(html, "text/html")], "conclusion": "Mass at T9."})
    assert parts == [("presentedForm[0]", FULL)]


def test_the_fuller_form_stays() -> None:
    parts, _ = texts({"presentedForm": [form("Mass at T9."), form(FULL)]})
    assert parts == [("presentedForm[1]", FULL)]


def test_h17_two_versions_that_differ_in_one_word_are_both_read() -> None:
    denied = FULL.replace("Paravertebral mass", "No paravertebral mass")
    parts, _ = texts({"presentedForm": [form(FULL), form(denied)]})
    assert [text for _, text in parts] == [FULL, denied]
    parts, _ = texts({"presentedForm": [form("No mass at T9.")], "conclusion": "Mass at T9."})
    assert len(parts) == 2


def test_narrative_is_read_only_when_nothing_else_has_words() -> None:
    div = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Paravertebral mass.</p></div>'}
    assert texts({"text": div})[0] == [("text.div", "Paravertebral mass.")]
    assert texts({"text": div, "presentedForm": [form("No mass.")]})[0] == [("presentedForm[0]", "No mass.")]
    whole = {"status": "generated", "div": "<div><p>Paravertebral mass at T9.</p><p>Mass at T9.</p></div>"}
    assert texts({"text": whole, "conclusion": "Mass at T9."})[0] == [
        ("text.div", "Paravertebral mass at T9.\n\nMass at T9.")
    ]


def test_h21_an_unreadable_form_is_missing_even_beside_a_conclusion() -> None:
    picture = {"contentType": "image/jpeg", "data": base64.b64encode(b"\xff\xd8\xff" + bytes(9)).decode()}
    parts, missing = texts({"presentedForm": [picture], "conclusion": "No action."})
    assert parts == [("conclusion", "No action.")]
    assert missing == [Reason.IMAGE]


def test_urls_are_looked_up_and_never_guessed() -> None:
    report = {"presentedForm": [{"contentType": "text/plain", "url": "Binary/b"}]}
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": form("No mass.")["data"]}
    assert texts(report, Binary__b=binary) == ([("presentedForm[0]", "No mass.")], [])
    assert texts(report) == ([], [Reason.NOT_AVAILABLE])
    assert texts({"presentedForm": [{"contentType": "text/plain"}]}) == ([], [Reason.EMPTY])


def test_base64_as_it_comes() -> None:
    data = form("No mass at all, said twice: no mass.")["data"]
    wrapped = "\r\n ".join(data[i : i + 16] for i in range(0, len(data), 16)).rstrip("=")
    assert texts({"presentedForm": {"data": wrapped}})[0][0][1].startswith("No mass at all")
    assert texts({"presentedForm": [{"data": "%%%"}]}) == ([], [Reason.NOT_BASE64])


def test_results_of_panels_and_components_and_withdrawn_ones() -> None:
    panel = {
        "resourceType": "Observation",
        "hasMember": [{"reference": "Observation/2"}, {"reference": "Observation/3"}],
    }
    member = {
        "resourceType": "Observation",
        "component": [{"valueString": "Lobulated paraspinal mass."}],
        "note": [{"text": "Seen before."}],
        "hasMember": [{"reference": "Observation/1"}],  # a circle
    }
    withdrawn = {"resourceType": "Observation", "status": "entered-in-error", "valueString": "Wrong words here."}
    parts, _ = texts(
        {"result": [{"reference": "Observation/1"}]},
        Observation__1=panel,
        Observation__2=member,
        Observation__3=withdrawn,
    )
    assert [t for _, t in parts] == ["Lobulated paraspinal mass.", "Seen before."]


def test_joined_conclusion_has_its_heading() -> None:
    found = report_text({"presentedForm": [form("Clear lungs.")], "conclusion": "A mass."}, lambda _: None)
    assert found.text == "Clear lungs.\n\nCONCLUSION: A mass."
    assert report_text({}, lambda _: None).text is None


def test_versions_with_dates_only_the_newest_counts() -> None:
    long = "FINDINGS: Liver, spleen, kidneys and adrenal glands are normal in size and shape. Lungs are clear. "
    old = form(long + "No paravertebral mass is seen.") | {"creation": "2024-05-01"}
    new = form(long + "Paravertebral mass at T9, 3 cm.") | {"creation": "2024-05-02"}
    for order in ([old, new], [new, old]):
        parts, _ = texts({"presentedForm": order})
        assert [text for _, text in parts] == [long + "Paravertebral mass at T9, 3 cm."]


def test_a_translation_is_left_out() -> None:
    french = form("Masse paravertébrale gauche.") | {"language": "fr-CA"}
    parts, _ = texts({"presentedForm": [french, form("Left paravertebral mass.") | {"language": "en"}]})
    assert parts == [("presentedForm[1]", "Left paravertebral mass.")]


def test_line_breaks_headers_and_case_make_no_new_report() -> None:
    wrapped = "ST. EXAMPLE HOSPITAL\nFINDINGS:\nParavertebral\nmass at T9.\nIMPRESSION:\nMass\nat T9."
    found = report_text({"presentedForm": [form(FULL), form(wrapped)]}, lambda _: None)
    assert [part.path for part in found.parts] == ["presentedForm[1]"]
    assert found.repeated == ("presentedForm[0]",)


def test_contained_results_and_linked_documents() -> None:
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "code": {"text": "Spine"},
        "valueString": "Paravertebral mass.",
    }
    document = {"resourceType": "DocumentReference", "content": [{"attachment": form("Whole report here.")}]}
    parts, missing = texts(
        {
            "contained": [observation],
            "result": [{"reference": "#o"}, {"reference": "Observation/gone"}],
            "media": [{"link": {"reference": "DocumentReference/d"}}],
        },
        DocumentReference__d=document,
    )
    assert parts == [("linked[0]", "Whole report here."), ("result[0]", "Spine: Paravertebral mass.")]
    assert missing == [Reason.NOT_AVAILABLE]


def test_h21_a_cut_attachment_is_read_and_named() -> None:
    data = form("Paravertebral mass at T9 and more words")["data"].rstrip("=")
    cut = data[: len(data) // 4 * 4 - 3]
    parts, missing = texts({"presentedForm": [{"contentType": "text/plain", "data": cut}]})
    assert parts[0][1].startswith("Paravertebral mass at T9")
    assert missing == [Reason.TRUNCATED]


NAMES = ["data", "url", "contentType", "text", "div", "reference", "valueString"]
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["presentedForm", "note", "extension", "result", "conclusion", "text", "hasMember"]), json_like
    )
)
def test_no_shape_of_a_report_makes_it_raise(report: dict[str, Any]) -> None:
    found = report_text(report, lambda _: report)
    assert all(part.text for part in found.parts)
