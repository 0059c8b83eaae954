"""Bytes to text: every form that systems send, and a stated reason for what cannot be read."""

import base64
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, StreamObject

from emhwatch.carrier import Limits, Reason, read_attachment

WORDS = "Masse paravertébrale gauche à T9 – « 3,2 × 2,1 cm »."
ENGLISH = "No paravertebral mass at T9."


def pdf(*pages: str | None, password: str | None = None, compress: bool = True) -> bytes:
    """A PDF with one line of text a page; None makes a page that holds only a picture."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )
    for words in pages:
        page = writer.add_blank_page(400, 200)
        stream = DecodedStreamObject()
        if words is None:
            picture = StreamObject()
            picture.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Image")})
            names = DictionaryObject({NameObject("/Im0"): writer._add_object(picture)})
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): names})
            stream.set_data(b"q 400 0 0 200 0 0 cm /Im0 Do Q")
        else:
            fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
            stream.set_data(b"BT /F1 12 Tf 20 100 Td (" + words.encode("cp1252") + b") Tj ET")
        page[NameObject("/Contents")] = writer._add_object(stream.flate_encode() if compress else stream)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("charset", "declared"),
    [
        ("utf-8", "text/plain; charset=utf-8"),
        ("utf-8", "text/plain"),
        ("utf-8", None),
        ("utf-8", "text/plain;charset=iso-8859-1"),  # a lying label
        ("cp1252", "text/plain; charset=windows-1252"),
        ("cp1252", "text/plain; charset=ISO-8859-1"),
        ("cp1252", "text/plain; charset=utf-8"),  # the other lie
        ("utf-16", "text/plain"),
        ("utf-16-le", "text/plain"),
        ("utf-8-sig", "TEXT/PLAIN; Charset='UTF-8'"),
        ("utf-8", "text/plain; charset=no-such-charset"),
    ],
)
def test_any_charset_gives_the_same_words(charset: str, declared: str | None) -> None:
    text = WORDS.replace("×", "x") if charset == "cp1252" else WORDS
    found = read_attachment((text + "\n" + ENGLISH).encode(charset), declared)
    assert found.reason is None
    assert found.text == text + "\n" + ENGLISH


def test_html_becomes_lines_without_scripts_and_with_entities() -> None:
    page = (
        "<html><head><title>x</title><script>mass()</script><style>p{}</style></head><body><h2>Findings</h2>"
        "<p>No para&shy;vertebral mass<br/>at T9 &amp; T10,\n size &lt; 1&nbsp;cm.</p><table><tr><td>Spleen</td>"
        "<td>normal</td></tr></table><p hidden>secret</p></body></html>"
    )
    found = read_attachment(page.encode(), "text/html")
    lines = [line for line in (found.text or "").replace("\u00ad", "").splitlines() if line]
    assert lines == ["Findings:", "No paravertebral mass", "at T9 & T10, size < 1\u00a0cm.", "Spleen\tnormal"]


@pytest.mark.parametrize("kind", ["application/xhtml", "text/plain", None, "application/xml"])
def test_markup_is_known_by_its_look(kind: str | None) -> None:
    assert read_attachment(b"<div xmlns='http://www.w3.org/1999/xhtml'><p>No mass.</p></div>", kind).text == "No mass."


def test_a_less_than_sign_is_no_markup() -> None:
    assert read_attachment(b"<1 cm nodule at T9", "text/plain").text == "<1 cm nodule at T9"


def test_cda_narrative_is_read() -> None:
    document = (
        b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><component><section><title>Findings</title>'
        b"<text><paragraph>Paravertebral mass.</paragraph><list><item>Left</item></list></text></section></component>"
        b"</ClinicalDocument>"
    )
    assert [x for x in (read_attachment(document, "application/xml").text or "").splitlines() if x] == [
        "Findings:",
        "Paravertebral mass.",
        "Left",
    ]


def test_rtf_is_read_with_its_charset() -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Masse paravert\'e9brale.\par No mass at T9.\par}"
    assert read_attachment(rtf, "application/rtf").text == "Masse paravertébrale.\nNo mass at T9.\n"
    assert read_attachment(rtf, "text/plain").text == "Masse paravertébrale.\nNo mass at T9.\n"


@pytest.mark.parametrize("kind", ["application/pdf", "application/pdf;charset=utf-8", "PDF", None, "text/plain"])
def test_pdf_text_is_read(kind: str | None) -> None:
    found = read_attachment(pdf("No paravertebral mass.", "Spleen normal."), kind)
    assert found.reason is None
    assert (found.text or "").split() == ["No", "paravertebral", "mass.", "Spleen", "normal."]


def test_pdf_with_an_empty_password_is_read() -> None:
    assert read_attachment(pdf("No mass.", password=""), "application/pdf").text == "No mass."


def test_reasons_instead_of_text() -> None:
    assert read_attachment(b"", "text/plain").reason is Reason.EMPTY
    assert read_attachment(b" \n ", "text/plain").reason is Reason.EMPTY
    assert read_attachment(pdf(None), "application/pdf").reason is Reason.NO_TEXT_LAYER
    assert read_attachment(pdf("secret", password="x"), "application/pdf").reason is Reason.ENCRYPTED
    assert read_attachment(b"\xff\xd8\xff\xe0" + bytes(99), "text/plain").reason is Reason.IMAGE
    assert read_attachment(bytes(128) + b"DICM" + bytes(20), None).reason is Reason.IMAGE
    assert read_attachment(pdf("No mass.")[:200], "application/pdf").reason is Reason.DAMAGED
    assert read_attachment(bytes(range(256)) * 8, "application/pdf").reason is Reason.NOT_TEXT
    assert read_attachment(b"{\\rtf1\\ansi", "application/rtf").reason in (Reason.DAMAGED, Reason.EMPTY)


def test_a_picture_beside_text_in_a_pdf_is_said() -> None:
    found = read_attachment(pdf("No mass.", None), "application/pdf")
    assert found.text == "No mass."
    assert found.reason is Reason.PAGES_WITHOUT_TEXT


def test_h21_bombs_and_giants_are_refused_before_they_are_unpacked() -> None:
    limits = Limits(data_bytes=100_000, content_bytes=50_000)
    assert read_attachment(b"a" * 100_001, "text/plain", limits=limits).reason is Reason.TOO_LARGE
    bomb = gzip.compress(b"a" * 50_000_000)
    assert len(bomb) < 100_000
    assert read_attachment(bomb, "text/plain", limits=limits).reason is Reason.TOO_LARGE
    big = pdf("x" * 90_000)
    assert len(big) < 100_000
    assert read_attachment(big, "application/pdf", limits=limits).reason is Reason.TOO_LARGE


def test_gzip_around_a_report_is_opened_once() -> None:
    assert read_attachment(gzip.compress(ENGLISH.encode()), "text/plain").text == ENGLISH
    assert read_attachment(gzip.compress(gzip.compress(b"x")), "text/plain").reason is Reason.UNSUPPORTED
    assert read_attachment(gzip.compress(ENGLISH.encode())[:-9], "text/plain").reason is Reason.TRUNCATED
    assert read_attachment(b"\x1f\x8b" + bytes(40), "text/plain").reason is Reason.DAMAGED


def test_a_text_over_the_limit_is_cut_at_a_line_and_says_so() -> None:
    found = read_attachment(b"No mass.\n" * 300, None, limits=Limits(characters=1000))
    assert (found.reason, found.text) == (Reason.CUT, "No mass.\n" * 111)
    pages = read_attachment(pdf(*[f"Page number {n}" for n in range(12)]), None, limits=Limits(pages=10))
    assert pages.reason is Reason.CUT
    assert "Page number 9" in (pages.text or "")
    assert "Page number 10" not in (pages.text or "")


def test_escapes_that_interfaces_leave() -> None:
    assert read_attachment(b"FINDINGS:\\nNo mass.\\r\\nSpleen &amp; liver &lt;15 cm", None).text == (
        "FINDINGS:\nNo mass.\nSpleen & liver <15 cm"
    )
    assert read_attachment("Masse paravertÃ©brale".encode(), None).text == "Masse paravertébrale"


def test_h21_what_a_person_would_not_see_is_not_read() -> None:
    page = "<p>Spleen normal.<!-- mass --><span style='display: none'>mass</span><del>mass</del> End.</p>"
    assert read_attachment(page.encode(), "text/html").text == "Spleen normal. End."
    rtf = rb"{\rtf1 Spleen normal.{\v mass}{\deleted mass} \v mass\v0 End.{\pict 0a0b}\par}"
    assert read_attachment(rtf, None).text == "Spleen normal. End.\n"


def test_markdown_headings_and_emphasis() -> None:
    page = b"## Findings\n\n**No** mass at T9.\n\n---\n| level | size |\n|---|---|\n| T9 | 3 cm |\n"
    lines = [line.strip() for line in (read_attachment(page, "text/markdown").text or "").splitlines() if line.strip()]
    assert lines == ["Findings:", "No mass at T9.", "level \t size", "T9 \t 3 cm"]


def test_html_lists_and_bold_headings() -> None:
    page = "<b>IMPRESSION</b> <ol><li>Mass at T9.</li><li>Spleen<br>normal.</li></ol><ul><li>End</li></ul>"
    assert read_attachment(page.encode(), "text/html").text == (
        "IMPRESSION:\n1. Mass at T9.\n2. Spleen\nnormal.\n- End"
    )


def test_cda_with_a_file_inside_and_with_entities() -> None:
    body = base64.b64encode(pdf("No mass at T9.")).decode()
    inside = (
        '<ClinicalDocument><component><nonXMLBody><text mediaType="application/pdf" representation="B64">'
        f"{body}</text></nonXMLBody></component></ClinicalDocument>"
    )
    assert read_attachment(inside.encode(), "text/xml").text == "No mass at T9."
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><ClinicalDocument>&a;</ClinicalDocument>'
    assert read_attachment(bomb.encode(), "text/xml").reason is Reason.DAMAGED
    assert read_attachment(b"<ClinicalDocument><component>", None).reason is Reason.DAMAGED


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(50), b"\xd0\xcf\x11\xe0" + bytes(50)])
def test_word_processor_files_are_named_as_unsupported(data: bytes) -> None:
    assert read_attachment(data, "text/plain").reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    "data",
    [
        b"{\\rtf1 " + b"{\\field{\\*\\fldinst{ HYPERLIN " * 20_000,
        b"{\\rtf1{\\fonttbl " + b"{\\f0 " * 50_000,
        b"<div>" * 100_000,
        b"<" * 500_000,
        b"&" * 500_000,
        b"{\\rtf1" + b"\\'e9" * 100_000,
    ],
    ids=["rtf links", "rtf fonts", "nesting", "open tags", "entities", "rtf bytes"],
)
def test_h21_hostile_repetition_ends(data: bytes) -> None:
    """No time is asserted: a pattern that is not linear would not end at all."""
    found = read_attachment(data, "text/html")
    assert found.text is not None or found.reason is not None


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from(["text/plain", "text/html", "application/pdf", "application/rtf", None])
)
def test_no_bytes_make_it_raise(data: bytes, kind: str | None) -> None:
    for prefix in (b"", b"%PDF-1.4\n", b"{\\rtf1 ", b"<html>", b"\x1f\x8b\x08"):
        found = read_attachment(prefix + data, kind)
        assert (found.text is not None) or (found.reason is not None)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_to_a_pdf_makes_it_raise(data: st.DataObject) -> None:
    raw = bytearray(pdf("No paravertebral mass at T9.", compress=False))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    found = read_attachment(bytes(raw), "application/pdf")
    assert (found.text is not None) or (found.reason is not None)


def test_the_fixture_is_a_real_pdf() -> None:
    assert PdfReader(io.BytesIO(pdf("x"))).pages[0].extract_text() == "x"
    assert base64.b64encode(pdf("x")).startswith(b"JVBERi")
