"""All resources that were given, each once and in its newest version, and the references between them.

References are resolved as FHIR R4 says (bundle.html, references): `#contained`, `fullUrl` (also `urn:uuid:`),
absolute, relative, with `/_history/`, conditional (`Type?identifier=system|value`) and by identifier alone.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from emhwatch.chart.dates import utc
from emhwatch.chart.model import Gap
from emhwatch.model.shape import obj, objects, text
from emhwatch.tables.chart import ChartTables
from emhwatch.types import Resource

_TAIL = re.compile(r"(?:(?P<base>https?://.+)/)?(?P<key>[A-Z][A-Za-z]+/[^/?#|]+)(?:/_history/[^/?#]+)?")
_CONDITIONAL = re.compile(r"(?P<kind>[A-Z][A-Za-z]+)\?identifier=(?P<token>.+)")
_UTC = ZoneInfo("UTC")
_DEPTH = 4  #: Bundles in Bundles


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """One resource with its place."""

    resource: Resource
    kind: str
    reference: str | None
    version: str | None = None
    full_url: str | None = None
    parent: "Located | None" = None  #: it is contained in this one

    @property
    def base(self) -> str | None:
        """Server base of the `fullUrl`."""
        match = _TAIL.fullmatch(self.full_url or "")
        return match["base"] if match else None

    @property
    def versioned(self) -> str | None:
        """`Type/id/_history/v`, without a version `Type/id`."""
        return f"{self.reference}/_history/{self.version}" if self.reference and self.version else self.reference


@dataclass(slots=True)
class Index:
    """Resources by reference."""

    entries: tuple[Located, ...] = ()
    by_key: dict[str, list[Located]] = field(default_factory=dict)
    by_identifier: dict[tuple[str, str], list[Located]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def of(self, *kinds: str) -> Iterator[Located]:
        """Top-level resources of these types."""
        return (entry for entry in self.entries if entry.kind in kinds)

    def contained(self, holder: Located) -> Iterator[Located]:
        """Resources contained in one."""
        for resource in objects(holder.resource, "contained"):
            kind, ident = text(resource, "resourceType"), text(resource, "id")
            if kind:
                reference = f"{holder.reference or ''}#{ident or ''}"
                yield Located(resource, kind, reference, holder.version, None, holder)

    def resolve(self, reference: Resource | str, holder: Located | None, *, kind: str | None = None) -> Located | None:
        """What a Reference means; None when it is not here or not clear."""
        node: Resource = {"reference": reference} if isinstance(reference, str) else reference
        target = text(node, "reference")
        if target is None:
            return self._identified(obj(node, "identifier"), text(node, "type") or kind)
        if target.startswith("#"):
            root = holder.parent or holder if holder else None
            found = [item for item in self.contained(root) if item.resource.get("id") == target[1:]] if root else []
            return found[0] if found else root if target == "#" else None
        if match := _CONDITIONAL.fullmatch(target):
            system, _, value = match["token"].rpartition("|")
            return self._identified({"system": system, "value": value}, match["kind"])
        return self._found(target.partition("|")[0], holder)

    def _found(self, target: str, holder: Located | None) -> Located | None:
        if exact := self.by_key.get(target):
            return exact[0] if len(exact) == 1 else self._nearest(exact, holder)
        match = _TAIL.fullmatch(target)
        if match is None:
            return None
        if match["base"] and (exact := self.by_key.get(f"{match['base']}/{match['key']}")):
            return exact[0]
        known = self.by_key.get(match["key"], [])
        if match["base"]:
            known = [item for item in known if item.base in (None, match["base"])]
        return known[0] if len(known) == 1 else self._nearest(known, holder)

    def _nearest(self, found: list[Located], holder: Located | None) -> Located | None:
        """Of several servers' resources with one id, that of the referring resource's server."""
        home = (holder.parent or holder).base if holder else None
        near = [item for item in found if item.base == home]
        return near[0] if len(near) == 1 else None

    def _identified(self, identifier: Resource, kind: str | None) -> Located | None:
        value = text(identifier, "value")
        found = self.by_identifier.get((text(identifier, "system") or "", value), []) if value else []
        found = [item for item in found if kind is None or item.kind == kind]
        return found[0] if len(found) == 1 else None


def build_index(resources: Sequence[Resource], tables: ChartTables) -> Index:
    """Flatten Bundles, keep the newest version of each resource, and index them."""
    gaps: list[Gap] = []
    groups: dict[str, list[Located]] = {}
    for resource, full_url in _flatten(resources, gaps):
        located = _locate(resource, full_url, tables, gaps)
        if located is not None:
            key = located.reference or canonical(resource)
            groups.setdefault(key, []).append(located)
    entries = [chosen for group in groups.values() for chosen in _newest(group)]
    entries.sort(key=lambda e: (e.kind, e.reference or canonical(e.resource), e.base or ""))
    index = Index(tuple(entries), gaps=gaps)
    for entry in entries:
        for key in {k for k in (entry.reference, entry.full_url) if k}:
            index.by_key.setdefault(key, []).append(entry)
        for identifier in objects(entry.resource, "identifier"):
            if value := text(identifier, "value"):
                index.by_identifier.setdefault((text(identifier, "system") or "", value), []).append(entry)
    return index


def canonical(resource: Resource) -> str:
    """A text that is the same for the same content."""
    return json.dumps(resource, sort_keys=True, ensure_ascii=False, default=str)


def _flatten(resources: Sequence[object], gaps: list[Gap], depth: int = 0) -> Iterator[tuple[Resource, str | None]]:
    for resource in resources:
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            gaps.append(Gap("not-a-resource"))
        elif resource["resourceType"] != "Bundle":
            yield resource, None
        elif depth < _DEPTH:
            entry = resource.get("entry")
            for item in entry if isinstance(entry, list) else [entry] if entry is not None else []:
                inner = item.get("resource") if isinstance(item, dict) else None
                if inner is None and isinstance(item, dict) and (item.get("request") or item.get("response")):
                    continue  # a deletion in a history, an answer without body
                url = text(item, "fullUrl") if isinstance(item, dict) else None
                for found, deeper in _flatten([inner], gaps, depth + 1):
                    yield found, deeper or (url if found is inner else None)


def _locate(resource: Resource, full_url: str | None, tables: ChartTables, gaps: list[Gap]) -> Located | None:
    kind, ident = str(resource["resourceType"]), text(resource, "id")
    reference = f"{kind}/{ident}" if ident else full_url
    if kind in tables.foreign_types:
        gaps.append(Gap("foreign-type", reference, kind))
        return None
    filled: Resource = {}
    for item in tables.foreign.get(kind, ()):
        if resource.get(item.element) not in (None, "", [], {}):
            gaps.append(Gap("foreign-element", reference, f"{kind}.{item.element}"))
            if item.stands_for and not resource.get(item.stands_for):
                filled[item.stands_for] = resource[item.element]
    if filled:
        resource = {**resource, **filled}
    return Located(resource, kind, reference, text(obj(resource, "meta"), "versionId"), full_url)


def _newest(group: list[Located]) -> list[Located]:
    """The newest version; of several servers, one each."""
    bases = {item.base for item in group if item.base}
    if len(bases) <= 1:
        if len(group) == 1:
            return group
        newest = max(group, key=_age_key(group))
        known = next((item.full_url for item in sorted(group, key=lambda i: i.full_url or "") if item.full_url), None)
        return [newest if newest.full_url else replace(newest, full_url=known)]
    parts = [[item for item in group if item.base == base] for base in sorted(bases)]
    rest = [item for item in group if item.base is None]
    return [max(part, key=_age_key(part)) for part in (*parts, rest) if part]


def _age_key(group: list[Located]) -> Callable[[Located], tuple[int, str, str]]:
    """Version number where all have one, else time of change, else the content, so that order never decides."""
    numbered = all((item.version or "").isdigit() for item in group)

    def key(item: Located) -> tuple[int, str, str]:
        updated = utc(text(obj(item.resource, "meta"), "lastUpdated"), _UTC) or ""
        return int(item.version or 0) if numbered else 0, updated, canonical(item.resource)

    return key
