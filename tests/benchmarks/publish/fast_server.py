"""A FHIR server that costs almost nothing: it keeps what it gets in memory and answers as HAPI does.

It stands in for the server only where its own time is to be left out of a measurement.
"""

import itertools
import sys
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn

Headers = list[tuple[bytes, bytes]]
STORE: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
BY_PATIENT: dict[tuple[str, str], list[str]] = defaultdict(list)
BY_IDENTIFIER: dict[tuple[str, str], str] = {}
IDS = itertools.count(1)


def keep(resource: dict[str, Any]) -> dict[str, Any]:
    kind, ident = resource["resourceType"], resource.get("id") or str(next(IDS))
    known = STORE[kind].get(ident)
    version = int(known["meta"]["versionId"]) + 1 if known else 1
    kept = {**resource, "id": ident, "meta": {**resource.get("meta", {}), "versionId": str(version)}}
    if kind == "Subscription":
        kept["status"] = "active"
    STORE[kind][ident] = kept
    if known is None:
        subject = (resource.get("subject") or {}).get("reference", "")
        BY_PATIENT[kind, subject.removeprefix("Patient/")].append(ident)
        for identifier in resource.get("identifier", [])[:1]:
            BY_IDENTIFIER[kind, identifier["value"]] = ident
    return kept


def transaction(bundle: dict[str, Any]) -> dict[str, Any]:
    if bundle["type"] == "batch" and bundle["entry"][0]["request"]["method"] == "GET":
        asked = [entry["request"]["url"].partition("?") for entry in bundle["entry"]]
        found = [{"resource": search(kind, query), "response": {"status": "200"}} for kind, _, query in asked]
        return {"resourceType": "Bundle", "type": "batch-response", "entry": found}
    entries = []
    for entry in bundle["entry"]:
        kept = keep(entry["resource"])
        version = kept["meta"]["versionId"]
        location = f"{kept['resourceType']}/{kept['id']}/_history/{version}"
        status = "201 Created" if version == "1" else "200 OK"
        entries.append({"response": {"status": status, "location": location, "etag": version}})
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}


def search(kind: str, query: str) -> dict[str, Any]:
    given = parse_qs(query)
    patient = (given.get("patient") or given.get("subject") or [""])[0].removeprefix("Patient/")
    if "_id" in given:
        ids = [ident for ident in given["_id"] if ident in STORE[kind]]
    elif "link" in given:
        ids = []  # nobody was merged
    elif "identifier" in given:
        values = [part.rpartition("|")[2] for part in given["identifier"][0].split(",")]
        ids = [BY_IDENTIFIER[kind, value] for value in values if (kind, value) in BY_IDENTIFIER]
    else:
        ids = BY_PATIENT[kind, patient]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": STORE[kind][i]} for i in ids]}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    steps = [step for step in scope["path"].split("/") if step][1:]
    status, answer = 200, dict[str, Any]()
    if scope["method"] == "POST" and not steps:
        answer = transaction(orjson.loads(body))
    elif scope["method"] == "POST":
        status, answer = 201, keep(orjson.loads(body))
    elif len(steps) == 1:
        answer = search(steps[0], scope["query_string"].decode())
    else:
        answer = STORE[steps[0]].get(steps[1], {})
        status = 200 if answer else 404
    content = orjson.dumps(answer)
    headers: Headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
