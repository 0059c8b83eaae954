"""The endpoint where authorization servers read our public keys."""

import orjson
from fastapi import APIRouter, Response

from emhwatch.fhir.keys import KeyFile

_MAX_AGE_S = 300  # as long as an access token lives: a rotated key is seen within that time


def create_router(keys: KeyFile | None) -> APIRouter:
    """`GET /.well-known/jwks.json`; an empty set when no key file is configured."""
    router = APIRouter()

    @router.get("/.well-known/jwks.json", include_in_schema=True, summary="Public keys of this service")
    def jwks() -> Response:
        body = orjson.dumps(keys.public() if keys else {"keys": []})
        headers = {"Cache-Control": f"public, max-age={_MAX_AGE_S}"}
        return Response(body, media_type="application/jwk-set+json", headers=headers)

    return router
