"""The page that a card's source link opens: rules, version, the 13 source attributes, limits; also as JSON."""

from html import escape

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from emhwatch.tables.load import TableSet

_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def attributes(tables: TableSet) -> tuple[tuple[str, str], ...]:
    """The source attributes of the decision support (ONC HTI-1), in the order of the rule."""
    return tuple((name, value.replace("{date}", tables.version)) for name, value in tables.cards.attributes)


def create_router(tables: TableSet) -> APIRouter:
    """`GET /evidence` for people, `GET /evidence.json` for machines."""
    router = APIRouter(tags=["Evidence"])
    listed = attributes(tables)
    links = [(link.label, link.url) for link in tables.cards.links if not link.local]
    document = orjson.dumps(
        {
            "rules": {"version": tables.version, "digest": tables.digest},
            "sourceAttributes": [{"attribute": name, "value": value} for name, value in listed],
            "reading": [{"label": label, "url": url} for label, url in links],
            "limits": tables.clients.usage,
        }
    )
    page = _page(tables, listed, links).encode()

    @router.get("/evidence", summary="Rules and evidence behind the cards", response_class=HTMLResponse)
    async def evidence() -> Response:
        return Response(page, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _CSP})

    @router.get("/evidence.json", summary="The same for machines")
    async def evidence_json() -> Response:
        return Response(document, media_type="application/json")

    return router


def _page(tables: TableSet, listed: tuple[tuple[str, str], ...], links: list[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in listed)
    reading = "".join(f'<li><a href="{escape(url)}" rel="noreferrer">{escape(label)}</a></li>' for label, url in links)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>emhwatch: rules and evidence</title>"
        "<style>body{font:1rem/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}"
        "th{text-align:left;vertical-align:top;padding-right:1rem}code{overflow-wrap:anywhere}</style>"
        f"<h1>emhwatch: rules and evidence</h1><p>Rule set {escape(tables.version)}, digest "
        f"<code>{escape(tables.digest)}</code>.</p><p>{escape(tables.clients.usage)}</p>"
        f"<h2>Source attributes</h2><table>{rows}</table><h2>Reading</h2><ul>{reading}</ul></html>"
    )
