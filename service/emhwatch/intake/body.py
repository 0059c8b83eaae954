"""The body of a notification: bounded, unpacked, decoded."""

import zlib
from collections.abc import AsyncIterator

import orjson

from emhwatch.errors import BodyTooLarge, MediaUnsupported, NotificationMalformed

_PACKED = frozenset({"gzip", "x-gzip"})
_GZIP = 16 + zlib.MAX_WBITS  #: of zlib: with the header of gzip


async def read(stream: AsyncIterator[bytes], *, encoding: str, media_type: str, limit: int) -> object | None:
    """The decoded JSON, None when there is no body.

    Args:
        stream: chunks as they arrive.
        encoding: `Content-Encoding`.
        media_type: `Content-Type`; anything that does not say XML is taken for JSON.
        limit: largest size in bytes, packed and unpacked.

    Raises:
        BodyTooLarge: it is larger than the limit.
        MediaUnsupported: it is XML, or packed in another way than gzip.
        NotificationMalformed: it is not JSON.
    """
    if "xml" in media_type:
        raise MediaUnsupported("The body is XML.", remedy="Set channel.payload to application/fhir+json.")
    if encoding not in ("", "identity", *_PACKED):
        raise MediaUnsupported("The encoding of the body is not known.", remedy="Send it plain or as gzip.")
    raw = bytearray()
    async for chunk in stream:
        raw += chunk
        if len(raw) > limit:
            raise BodyTooLarge()
    plain = _unpacked(bytes(raw), limit) if encoding in _PACKED and raw else bytes(raw)
    if not plain.strip():
        return None
    try:
        decoded: object = orjson.loads(plain)
    except orjson.JSONDecodeError:
        raise NotificationMalformed(
            "The body is not JSON.", remedy="Set channel.payload to application/fhir+json."
        ) from None
    return decoded


def _unpacked(raw: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(raw, limit + 1)
    except zlib.error:
        raise NotificationMalformed("The body is not gzip.", remedy="Check Content-Encoding.") from None
    if len(plain) > limit:
        raise BodyTooLarge()
    return plain
