"""One request of `emhwatch assess` to its answer: evaluation, cards and resources."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from emhwatch.assess.evaluate import SiteOptions, evaluate
from emhwatch.assess.output import failed, result
from emhwatch.cds.cards import build as build_cards
from emhwatch.errors import InputError
from emhwatch.model.assessment import Assessment
from emhwatch.publish.assemble import write_options
from emhwatch.publish.observation import build as build_observations
from emhwatch.publish.options import WriteOptions
from emhwatch.settings import Settings
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.types import Resource

_HOOK = "order-sign"
_DOMAINS = ("keys", "codes", "text", "chart", "decision", "cards", "output")
#: The id of a line that is no JSON, as far as it can be told.
_ID = re.compile(rb'\{\s*"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,18})')


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One evaluation that is asked for."""

    id: str | None
    bundle: Resource
    focus: str | None
    now: datetime
    draft_order: Resource | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The assessment and the JSON of the interface."""

    assessment: Assessment
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Tables and what the site decides."""

    tables: TableSet
    options: SiteOptions
    writing: WriteOptions

    @classmethod
    def of(cls, settings: Settings) -> "Evaluator":
        """Load the tables that the settings name."""
        tables = load_tables(settings.tables.dir, settings.tables.overlay, _DOMAINS)
        writing = write_options(settings.publish, server_url=settings.fhir.base_url)
        return cls(tables, settings.site_options, writing)

    def answer(self, request: Request) -> Answer:
        """Evaluate one request."""
        orders = (request.draft_order,) if request.draft_order is not None else ()
        assessment = evaluate(
            (request.bundle,),
            focus=request.focus,
            now=request.now,
            tables=self.tables,
            options=self.options,
            draft_orders=orders,
            hook=_HOOK if orders else None,
        )
        document = result(assessment, given_id=request.id if request.id is not None else request.focus)
        document["cards"] = build_cards(assessment, self.tables, hook=_HOOK if orders else None, orders=orders)
        document["observations"] = build_observations(assessment, self.tables, self.writing)
        return Answer(assessment, document)

    def line(self, number: int, line: bytes) -> tuple[bytes, bool]:
        """The result of one line of a batch, and whether it failed. Never raises: a bad line costs only itself."""
        ident: str | None = None
        try:
            try:
                content = orjson.loads(line)
            except orjson.JSONDecodeError:
                if match := _ID.match(line.strip()):
                    ident = str(orjson.loads(match[1]))
                raise InputError("The line is not JSON.") from None
            request = read_request(content)
            ident = request.id
            document = self.answer(request).document
        except InputError as error:
            if ident is None and isinstance(content := _lenient(line), dict):
                ident = str(content["id"]) if content.get("id") is not None else None
            document = failed(ident, f"line {number}: {error.message}", error.issue_type, self._rules())
        except Exception as error:  # noqa: BLE001 - one line must never end the batch
            document = failed(ident, f"line {number}: failed ({type(error).__name__})", "exception", self._rules())
        return orjson.dumps(document), "error" in document

    def _rules(self) -> dict[str, str]:
        return {"version": self.tables.version, "digest": self.tables.digest}


def read_request(content: object) -> Request:
    """One line of a batch.

    Raises:
        InputError: a field is missing or has another form; the message names it.
    """
    if not isinstance(content, Mapping):
        raise InputError("The line is not a JSON object.")
    bundle, order, focus = content.get("bundle"), content.get("draft_order"), content.get("focus")
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InputError("`bundle` is not a FHIR Bundle.")
    if order is not None and not isinstance(order, dict):
        raise InputError("`draft_order` is not a FHIR resource.")
    if focus is not None and not isinstance(focus, str):
        raise InputError("`focus` is not a reference.")
    ident = content.get("id")
    now = content.get("now")
    return Request(
        id=None if ident is None else str(ident),
        bundle=bundle,
        focus=focus,
        now=datetime.now().astimezone() if now is None else read_now(now),
        draft_order=order,
    )


def read_now(text: object) -> datetime:
    """An ISO 8601 instant with offset.

    Raises:
        InputError: it is none.
    """
    try:
        now = datetime.fromisoformat(str(text))
    except ValueError:
        now = None
    if now is None or now.tzinfo is None:
        raise InputError("`now` is not an instant with offset.", remedy="Write for example 2026-03-01T10:00:00+01:00.")
    return now


def _lenient(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
