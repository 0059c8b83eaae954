"""Procedures and ServiceRequests: kind, site, side, time (policy 4.4, 4.5, 5.2)."""

import re

from emhwatch.chart.codes import Coded, coded, side, sites
from emhwatch.chart.dates import aged, ended, parse_days, written
from emhwatch.chart.index import Located
from emhwatch.chart.model import Episode, Order, Procedure, Transfusion
from emhwatch.chart.scope import Scope
from emhwatch.model.days import Days
from emhwatch.model.shape import concepts, flag, obj, objects, text
from emhwatch.types import Resource

#: Kinds of `mappings/chart/procedures.csv` with rules of their own.
BIOPSY, _OPEN, _OPERATION, _TRANSFUSION = "biopsy", "open", "operation", "transfusion"
_LEVELS = re.compile(r"\b([TDLCS])(\d{1,2})(?: ?[-–/] ?([TDLCS])?(\d{1,2}))?\b", re.IGNORECASE)
_SPINE = (*(f"C{n}" for n in range(1, 8)), *(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6)), "S1")


def kinds(scope: Scope, found: Coded, title: Coded) -> tuple[str, ...]:
    """Kinds of a procedure by its codes, category and words. An open biopsy is an operation, a needle biopsy is not."""
    signs = scope.chart.procedures
    names = found.names(signs) | signs.by_words(title.words)
    # Words that say another product win over a code that leaves it open.
    names -= signs.forbidden(title.words) - signs.by_meaning(f"{h.role}/{h.value}" for h in found.hits if h.value)
    if BIOPSY in names:
        names = names | {_OPERATION} if _OPEN in names else names - {_OPERATION}
    return signs.ordered(names)


def read_procedure(scope: Scope, located: Located) -> tuple[Procedure | None, Transfusion | None, Episode | None]:
    """One Procedure that was done, also as the transfusion or acute episode that it is."""
    node = located.resource
    if scope.status(located) != "usable" or flag(node, "notDone"):
        return None, None, None
    title = coded(scope, concepts(node, "code"))
    everything = coded(scope, [*concepts(node, "code"), *concepts(node, "category")])
    days = _performed(scope, located)
    if days is not None and scope.past(days) is None:
        scope.gap("future", located)
        return None, None, None
    days = scope.past(days)
    until = scope.days(ended(node, "performed"), located, "performedPeriod.end")
    found = kinds(scope, everything, title)
    if not found and not everything.hits:
        return None, None, None
    scope.use(located)
    ident, version, hits = located.reference, located.version, everything.hits
    transfusion = episode = None
    if _TRANSFUSION in found:
        transfusion = Transfusion(reference=ident, version=version, days=days, hits=hits, text=title.title)
    if _OPERATION in found and days is not None:
        episode = Episode(
            reference=ident, version=version, days=days, hits=hits, kind=_OPERATION, until=scope.past(until)
        )
    body = coded(scope, concepts(node, "bodySite"))
    notes = [note for item in objects(node, "note") if (note := text(item, "text"))]
    reason = coded(scope, concepts(node, "reasonCode"))
    procedure = Procedure(
        reference=ident,
        version=version,
        days=days,
        hits=hits,
        kinds=found,
        status=text(node, "status") or "",
        until=scope.past(until),
        sites=sites(scope, body, title) or sites(scope, reason, Coded(texts=tuple(notes))),
        side=side(scope, body, title),
        words=scope.read(". ".join((*title.texts, *body.texts, *reason.texts, *notes)) or None),
        text=title.title,
        of_episode=_of_an_episode(scope, located, reason),
        based_on=_references(node, "basedOn"),
        reports=_references(node, "report"),
    )
    return procedure, transfusion, episode


def _of_an_episode(scope: Scope, located: Located, reason: Coded) -> bool:
    """Whether it was done for an injury or bleeding, as its reason says."""
    found = [r for ref in objects(located.resource, "reasonReference") if (r := scope.index.resolve(ref, located))]
    named = [coded(scope, concepts(item.resource, "code")) for item in found if item.kind == "Condition"]
    return any(item.all_names(scope.chart.episodes) for item in (reason, *named))


def read_order(scope: Scope, located: Located, *, draft: bool = False) -> Order | None:
    """One ServiceRequest with whatever status; an order of the hook context is a draft whatever it says."""
    node = located.resource
    if scope.status(located) == "withdrawn" or (scope.status(located) == "unusable" and not draft):
        return None
    title = coded(scope, [*concepts(node, "code"), *concepts(node, "orderDetail")])
    everything = coded(scope, [*concepts(node, "code"), *concepts(node, "category")])
    body = coded(scope, concepts(node, "bodySite"))
    reason = coded(scope, concepts(node, "reasonCode"))
    notes = [note for item in objects(node, "note") if (note := text(item, "text"))]
    found = kinds(scope, everything, title)
    if not found and not everything.hits and not draft:
        return None
    authored = scope.days(text(node, "authoredOn") or written(node, "occurrence"), located, "authoredOn")
    if text(node, "authoredOn") and authored is not None and scope.past(authored) is None and not draft:
        scope.gap("future", located)
        return None
    scope.use(located)
    free = Coded(texts=tuple(notes))
    named = sites(scope, body, title) or sites(scope, reason, free)
    spoken = [*title.texts, *body.texts, *reason.texts, *notes]
    return Order(
        reference=located.reference,
        version=located.version,
        days=scope.past(authored),
        hits=(*everything.hits, *reason.hits),
        kinds=found,
        status=text(node, "status") or "",
        intent=text(node, "intent") or "",
        do_not_perform=bool(flag(node, "doNotPerform")),
        priority=text(node, "priority"),
        draft=draft,
        standing=bool(obj(obj(node, "occurrenceTiming"), "repeat") or obj(node, "occurrenceTiming").get("code")),
        sites=named,
        target=any(scope.chart.targets[name] for name in named) if named else None,
        side=side(scope, body, title) or side(scope, reason, free),
        levels=levels(" ".join(spoken)),
        words=scope.read(". ".join(spoken) or None),
        text=title.title,
        reports=(*_references(node, "reasonReference"), *_references(node, "supportingInfo")),
    )


def levels(words: str) -> tuple[str, ...]:
    """Vertebral levels that words name, ranges filled, in order of the spine."""
    found: set[str] = set()
    for letter, first, last_letter, last in _LEVELS.findall(words):
        start = f"{letter.upper().replace('D', 'T')}{first}"
        end = f"{(last_letter or letter).upper().replace('D', 'T')}{last}" if last else start
        if start in _SPINE and end in _SPINE and _SPINE.index(start) <= _SPINE.index(end):
            found.update(_SPINE[_SPINE.index(start) : _SPINE.index(end) + 1])
    return tuple(level for level in _SPINE if level in found)


def _performed(scope: Scope, located: Located) -> Days | None:
    value = written(located.resource, "performed")
    if value is None:
        return aged(located.resource, "performed", scope.birth)
    if "performedString" in located.resource:
        return parse_days(value, scope.zone)
    return scope.days(value, located, "performed[x]")


def _references(node: Resource, name: str) -> tuple[str, ...]:
    return tuple(found for item in objects(node, name) if (found := text(item, "reference")))
