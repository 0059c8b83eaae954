"""The acceptance page: a small CDS client for the browser, for integration engineers and the demonstration.

It does what an EHR does: discovery, prefetch from a FHIR server, the three hooks, cards, suggestions, feedback.
"""

from importlib.resources import files

from fastapi import APIRouter, Response

from emhwatch.errors import HookUnknown

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "client.js": ("client.js", "text/javascript; charset=utf-8"),
    "markdown.js": ("markdown.js", "text/javascript; charset=utf-8"),
    "client.css": ("client.css", "text/css; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_router() -> APIRouter:
    """`/ehr`, to be mounted only where the setting says so."""
    router = APIRouter(include_in_schema=False)
    content = {name: files(__package__).joinpath(file).read_bytes() for name, (file, _) in _FILES.items()}

    @router.get("/ehr")
    @router.get("/ehr/{name}")
    async def page(name: str = "") -> Response:
        if name not in content:
            return Response(status_code=HookUnknown.status)
        return Response(content[name], media_type=_FILES[name][1], headers=_HEADERS)

    return router
