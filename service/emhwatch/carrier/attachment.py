"""One attachment: what its bytes are, whatever it is called, and their text."""

import base64
import binascii
import html
import re
import zlib
from email.message import Message
from xml.parsers.expat import ExpatError

from emhwatch.carrier.cda import EntityRefused, cda_narrative
from emhwatch.carrier.charset import decode
from emhwatch.carrier.markdown import markdown_text
from emhwatch.carrier.markup import html_text
from emhwatch.carrier.pdf import pdf_text
from emhwatch.carrier.result import CarrierText, Limits, Reason, settled
from emhwatch.carrier.rtf import rtf_text, visible

DEFAULT_LIMITS = Limits()

_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"BM", b"RIFF", b"\x00\x00\x00\x0cjP")
_GZIP = b"\x1f\x8b"
_ARCHIVES = (b"PK\x03\x04", _GZIP, b"\xd0\xcf\x11\xe0", b"BZh", b"7z\xbc\xaf", b"\xfd7zXZ", b"Rar!")
_HEAD = 1024  #: bytes before a PDF's header that readers accept
_MARKUP_START = re.compile(
    r"<(?:!doctype\s+html|!--|\?xml|/?(?:html|body|head|div|p|table|span|pre|h[1-6]|br|b|ul|ol)\b)"
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,400}>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_CHARSET_IN_MARKUP = re.compile(rb"(?:charset|encoding)\s{0,3}=\s{0,3}[\"']?([A-Za-z0-9_.:-]{2,40})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def read_attachment(data: bytes, content_type: str | None, *, limits: Limits = DEFAULT_LIMITS) -> CarrierText:
    """The text of an attachment. The data decide what it is, the content type only where they leave it open.

    Never raises for bad data: no text, or only a part of it, always comes with a reason.
    """
    return _read(data, content_type, limits, nested=False)


def decode_base64(written: str) -> tuple[bytes, Reason | None]:
    """Base64 as systems write it: line breaks, URL alphabet, no padding, cut off in the middle."""
    raw = b"".join(written.encode("ascii", "replace").split()).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    if raw.startswith(b"data:") and b"base64," in raw[:200]:
        raw = raw.split(b"base64,", 1)[1]
    if not raw:
        return b"", Reason.EMPTY
    if _NOT_BASE64.search(raw):
        return b"", Reason.NOT_BASE64
    cut = len(raw) % 4 == 1
    raw = raw[:-1] if cut else raw
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4)), Reason.TRUNCATED if cut else None
    except (binascii.Error, ValueError):
        return b"", Reason.NOT_BASE64


def _read(data: bytes, content_type: str | None, limits: Limits, *, nested: bool) -> CarrierText:
    if len(data) > limits.data_bytes:
        return CarrierText(None, Reason.TOO_LARGE)
    if not data.strip():
        return CarrierText(None, Reason.EMPTY)
    if b"%PDF-" in data[:_HEAD]:
        return pdf_text(data, limits)
    if data.startswith(_IMAGES) or data[128:132] == b"DICM":
        return CarrierText(None, Reason.IMAGE)
    if data.startswith(_GZIP) and not nested:
        return _unpacked(data, content_type, limits)
    if data.startswith(_ARCHIVES):
        return CarrierText(None, Reason.UNSUPPORTED)
    kind, charset = _declared(content_type)
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{\\rtf"):
        return _rtf(data, limits)
    if b"ClinicalDocument" in data[:4096] and head.startswith(b"<"):
        return _cda(data, limits, nested=nested)
    markup_charset = _CHARSET_IN_MARKUP.search(head)
    if markup_charset and head.startswith(b"<") and not charset:
        charset = markup_charset[1].decode("ascii")
    text = decode(data, charset)
    if text is None:
        return CarrierText(None, Reason.NOT_TEXT)
    return _characters(text, kind, limits)


def _unpacked(data: bytes, content_type: str | None, limits: Limits) -> CarrierText:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        inner = unpacker.decompress(data, limits.data_bytes)
    except zlib.error:
        return CarrierText(None, Reason.DAMAGED, "gzip")
    if unpacker.unconsumed_tail:
        return CarrierText(None, Reason.TOO_LARGE, "gzip")
    found = _read(inner, content_type, limits, nested=True)
    return found if unpacker.eof else CarrierText(found.text, found.reason or Reason.TRUNCATED, found.format)


def _characters(text: str, kind: str, limits: Limits) -> CarrierText:
    start = text[:_HEAD].lstrip().lower()
    is_page = bool(_MARKUP_START.match(start)) or (("html" in kind or "xml" in kind) and bool(_TAG.search(text)))
    if is_page:
        if len(text) > limits.content_bytes:
            return CarrierText(None, Reason.TOO_LARGE, "html")
        if start.startswith("<?xml") and "<html" not in start and "<div" not in start:
            return CarrierText(None, Reason.UNSUPPORTED, "xml")
        return settled(html_text(text), "html", limits)
    if "markdown" in kind:
        return settled(markdown_text(text), "markdown", limits)
    return settled(plain(text), "text", limits)


def plain(text: str) -> str:
    """Plain text with the escapes that interfaces leave in it: entities, and a line break written as two characters."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if "\\n" in text and "\n" not in text.strip():
        text = text.replace("\\r\\n", "\n").replace("\\n", "\n")
    return text


def _rtf(data: bytes, limits: Limits) -> CarrierText:
    cleaned = visible(data.decode("cp1252", "replace"))
    if len(cleaned) > limits.content_bytes // 4:
        return CarrierText(None, Reason.TOO_LARGE, "rtf")
    try:
        return settled(rtf_text(cleaned), "rtf", limits)
    except Exception:  # noqa: BLE001 - the library raises whatever a damaged file makes it trip over
        return CarrierText(None, Reason.DAMAGED, "rtf")


def _cda(data: bytes, limits: Limits, *, nested: bool) -> CarrierText:
    try:
        narrative = cda_narrative(data)
    except (ExpatError, EntityRefused, ValueError):
        return CarrierText(None, Reason.DAMAGED, "cda")
    if narrative.data is None or nested:
        return settled(narrative.text, "cda", limits)
    body, reason = decode_base64(narrative.data)
    if not body:
        return CarrierText(None, reason, "cda")
    return _read(body, narrative.content_type, limits, nested=True)


def _declared(content_type: str | None) -> tuple[str, str | None]:
    """Media type and charset of a content type, lower case; both may be wrong."""
    if not isinstance(content_type, str):
        return "", None
    kind, _, parameters = content_type.partition(";")
    if not parameters:
        return kind.strip().lower(), None
    message = Message()
    message["Content-Type"] = "text/plain; " + parameters.replace("\n", " ").replace("\r", " ")
    charset = message.get_param("charset")
    return kind.strip().lower(), charset if isinstance(charset, str) else None
