"""Conditions with their statuses and dates; what they are worth is decided elsewhere (policy 4.2)."""

from emhwatch.chart.codes import Coded, coded, side, sites
from emhwatch.chart.dates import aged, ended, parse_days, written
from emhwatch.chart.index import Located
from emhwatch.chart.model import Disorder, Episode
from emhwatch.chart.scope import Scope
from emhwatch.model.days import Days
from emhwatch.model.shape import concepts, flag, objects, text
from emhwatch.types import Resource

#: Codes of FHIR R4 (condition-clinical, condition-ver-status).
_CLINICAL = frozenset(("active", "recurrence", "relapse", "inactive", "remission", "resolved"))
_CURE = "transplant"  #: kind of `mappings/chart/procedures.csv`
_VERIFICATION = frozenset(("confirmed", "provisional", "differential", "unconfirmed", "refuted", "entered-in-error"))


def read_disorder(scope: Scope, located: Located) -> Disorder | None:
    """One Condition; None when it is entered in error or lies in the future."""
    node = located.resource
    code = coded(scope, concepts(node, "code"))
    verification, clinical = _marks(scope, node)
    verification = verification or _status(scope, located, "verificationStatus", _VERIFICATION)
    clinical = clinical or _status(scope, located, "clinicalStatus", _CLINICAL)
    if verification == "entered-in-error":
        return None
    if verification == "?":
        verification = "unconfirmed"  # a status that is not known never makes a disease certain
    onset = _when(scope, located, "onset")
    recorded = scope.days(text(node, "recordedDate"), located, "recordedDate")
    abatement = scope.past(_when(scope, located, "abatement"))
    if abatement is None and flag(node, "abatementBoolean"):
        abatement = scope.past(recorded)
    if any(days is not None and scope.past(days) is None for days in (onset, recorded)):
        scope.gap("future", located)
        return None
    if clinical is None and (abatement or node.get("abatementString")):
        clinical = "resolved"  # invariant con-4 of R4: what has abated is inactive, in remission or resolved
    scope.use(located)
    body = coded(scope, concepts(node, "bodySite"))
    notes = [note for item in objects(node, "note") if (note := text(item, "text"))]
    spoken = Coded(texts=(*code.texts, *notes))
    return Disorder(
        reference=located.reference,
        version=located.version,
        days=scope.past(onset) or scope.past(recorded),
        hits=code.hits,
        clinical=None if clinical == "?" else clinical,
        verification=verification,
        onset=scope.past(onset),
        abatement=abatement,
        recorded=scope.past(recorded),
        words=scope.read(". ".join((*code.unknown, *notes)) or None),
        text=code.title,
        title=scope.read(". ".join(t for node in concepts(node, "code") if (t := text(node, "text"))))
        if code.hits
        else None,
        cured=_CURE in scope.chart.procedures.by_words(spoken.words),
        sites=sites(scope, body, Coded(texts=code.texts)),
        side=side(scope, body),
    )


def read_episode(scope: Scope, located: Located, disorder: Disorder) -> Episode | None:
    """The acute episode that a Condition opens; by words only when no code is known."""
    signs = scope.chart.episodes
    code = coded(scope, concepts(located.resource, "code"))
    names = code.names(signs) or (signs.by_words(code.words) if not code.hits else set())
    if not names or disorder.verification == "refuted" or disorder.days is None:
        return None
    return Episode(
        reference=disorder.reference,
        version=disorder.version,
        days=disorder.days,
        hits=disorder.hits,
        kind=signs.ordered(names)[0],
        until=disorder.abatement,
    )


def _when(scope: Scope, located: Located, stem: str) -> Days | None:
    """Onset or abatement: a date, a Period (start; for abatement its end), an Age, a Range of ages."""
    node = located.resource
    value = (ended(node, stem) if stem == "abatement" else None) or written(node, stem)
    if value is None:
        return aged(node, stem, scope.birth)
    if f"{stem}String" in node:  # free text ("in childhood") is no date, and no fault of the resource
        return parse_days(value, scope.zone)
    return scope.days(value, located, f"{stem}[x]")


def _status(scope: Scope, located: Located, name: str, known: frozenset[str]) -> str | None:
    nodes = concepts(located.resource, name)
    codes = [text(c, "code") for node in nodes for c in objects(node, "coding")] or [
        text(node, "text") for node in nodes
    ]
    found = [code.strip().lower() for code in codes if code]
    if not found:
        return None
    status = next((code for code in found if code in known), "?")
    if status == "?":
        scope.gap("status", located, name)
    return status


def _marks(scope: Scope, node: Resource) -> tuple[str | None, str | None]:
    """Verification and clinical status by the certainty mark of an ICD-10-GM code."""
    for concept in concepts(node, "code"):
        for coding in objects(concept, "coding"):
            for extension in objects(coding, "extension"):
                mark = text(extension, "valueCode") or next(
                    (text(c, "code") for c in objects(extension, "valueCoding")), None
                )
                found = scope.chart.certainty.get((text(extension, "url") or "", mark or ""))
                if found is not None:
                    return found
    return None, None
