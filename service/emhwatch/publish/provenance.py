"""Who made it, from what: the Device of this software with its rules, and the Provenance of one evaluation."""

from collections.abc import Sequence

from emhwatch.model.assessment import Assessment, Rules
from emhwatch.publish.coding import Coder
from emhwatch.publish.identity import output_id, split_reference
from emhwatch.publish.narrative import narrative
from emhwatch.publish.options import WriteOptions
from emhwatch.types import Resource, Tier

_URI = "urn:ietf:rfc:3986"


def device(coder: Coder, rules: Rules, options: WriteOptions) -> Resource:
    """One Device per software version and rule set."""
    words = coder.output.words["device"]
    versions = ((words["software"], options.software), (words["rules"], rules.version), (words["digest"], rules.digest))
    return {
        "resourceType": "Device",
        "text": narrative(words["name"], versions),
        "identifier": [{"system": coder.output.url("software"), "value": device_id(rules.digest, options.software)}],
        "status": "active",
        "deviceName": [{"name": words["name"], "type": "model-name"}],
        "version": [{"type": {"text": name}, "value": value} for name, value in versions],
        "note": [{"text": coder.output.words["narrative"]["disclaimer"]}],
    }


def device_id(digest: str, software: str) -> str:
    """Value of the identifier of the Device."""
    return output_id(f"{software}|{digest}", "device")


def device_urn(digest: str, software: str) -> str:
    """The reference to the Device before the server has given an id."""
    return f"urn:uuid:{device_id(digest, software)}"


def provenance(
    coder: Coder, assessment: Assessment, options: WriteOptions, evaluation: str, targets: Sequence[str]
) -> Resource:
    """The Provenance of one evaluation; its tag makes it findable, R4 has no identifier here."""
    output = coder.output
    ruleset = f"{assessment.rules.version}+{assessment.rules.digest}"
    agent: Resource = {
        "type": coder.concept("agent", "assembler"),
        "who": {"reference": device_urn(assessment.rules.digest, options.software)},
    }
    if options.performer:
        agent["onBehalfOf"] = {"reference": options.performer}
    labels = [{k: v for k, v in _label(c.system, c.code, c.display) if v} for c in assessment.security]
    words = output.words["provenance"]["rules"].format(version=assessment.rules.version)
    return {
        "resourceType": "Provenance",
        "meta": {
            "security": [*labels, coder.coding("security", "ai")],
            "tag": [{"system": output.url("evaluation"), "code": evaluation}],
        },
        "text": narrative(output.words["device"]["name"], [(words, assessment.rules.digest)]),
        "target": [{"reference": target} for target in targets],
        "recorded": assessment.now.isoformat(timespec="milliseconds"),
        "activity": coder.concept("activity", "create"),
        "agent": [agent],
        "entity": [
            *_sources(assessment, options),
            {
                "role": "source",
                "what": {"identifier": {"system": output.url("rules"), "value": ruleset}, "display": words},
            },
        ],
    }


def _sources(assessment: Assessment, options: WriteOptions) -> list[Resource]:
    """A versioned reference to each source, and the same as identifier: HAPI strips versions from references."""
    entities: list[Resource] = []
    base = options.server_url
    for source in dict.fromkeys(assessment.sources):
        found = split_reference(source)
        if found is None:
            continue
        # Without a server (a Bundle from a file) there is no full URI to give.
        identifier = {"system": _URI, "value": f"{base}/{source}"} if base else {"value": source}
        what: Resource = {"identifier": identifier, "type": found[0].partition("/")[0]}
        # A withdrawn report may be deleted: nothing may point to it.
        if options.source_references and assessment.tier is not Tier.NOT_ASSESSED:
            what["reference"] = source
        entities.append({"role": "source", "what": what})
    return entities


def _label(system: str, code: str, display: str | None) -> tuple[tuple[str, str | None], ...]:
    return ("system", system), ("code", code), ("display", display)
