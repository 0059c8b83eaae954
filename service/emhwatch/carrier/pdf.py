"""The text layer of a PDF, within bounds on pages, decompressed content and work."""

import logging
from io import BytesIO

from pypdf import Configuration, PageObject, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError

from emhwatch.carrier.result import CarrierText, Limits, Reason, settled

# Its warnings quote bytes of the document, which may be a patient's.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)

_FEWEST = 8  #: characters on a page that count as a text layer; a scanner's stamp has fewer


def pdf_text(data: bytes, limits: Limits) -> CarrierText:
    """Text of all pages; a reason when there is none, or when pages are missing."""
    try:
        with apply_configuration(_bounds(limits)):
            return _read(data, limits)
    except LimitReachedError:
        return CarrierText(None, Reason.TOO_LARGE, "pdf")
    except Exception:  # noqa: BLE001 - the library raises whatever a damaged file makes it trip over
        return CarrierText(None, Reason.DAMAGED, "pdf")


def _read(data: bytes, limits: Limits) -> CarrierText:
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        return CarrierText(None, Reason.ENCRYPTED, "pdf")
    written: list[str] = []
    length = content = scans = 0
    reason: Reason | None = None
    for number, page in enumerate(reader.pages):
        content += _content_length(page)
        if number >= limits.pages or content > limits.content_bytes or length > limits.characters:
            reason = Reason.CUT
            break
        text = page.extract_text()
        scans += len(text.strip()) < _FEWEST and _has_content(page)
        written.append(text)
        length += len(text)
    text = "\n\n".join(part for part in written if part.strip())
    if len(text.strip()) < _FEWEST:
        return CarrierText(None, Reason.TOO_LARGE if reason else Reason.NO_TEXT_LAYER, "pdf")
    return settled(text, "pdf", limits, reason or (Reason.PAGES_WITHOUT_TEXT if scans else None))


def _bounds(limits: Limits) -> Configuration:
    size = limits.content_bytes
    return Configuration(
        maximum_declared_stream_length=limits.data_bytes,
        array_based_stream_maximum_output_length=size,
        lzw_maximum_output_length=size,
        run_length_maximum_output_length=size,
        zlib_maximum_output_length=size,
        brotli_maximum_output_length=size,
        stream_decoding_work_maximum_length=2 * size,
        stream_parsing_work_maximum_count=300_000,
        page_tree_maximum_entries=10_000,
        page_tree_maximum_page_entries=100_000,
        xform_maximum_invocations_per_extraction=100,
        jbig2dec_binary=None,
    )


def _content_length(page: PageObject) -> int:
    contents = page.get_contents()
    return len(contents.get_data()) if contents is not None else 0


def _has_content(page: PageObject) -> bool:
    """An empty page is no scan."""
    return "/XObject" in (page.get("/Resources") or {})
