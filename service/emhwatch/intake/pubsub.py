"""Google Cloud Healthcare API: changes of a FHIR store, pushed by Pub/Sub. Pure.

The envelope is `{"message": {"attributes": {...}, "data": base64}}`; the data is the name of the resource
(`payloadType` NameOnly) or the resource itself (FullResource).
"""

import base64
import binascii
import json
import re
from dataclasses import replace

from emhwatch.errors import FocusForeign, NotificationMalformed
from emhwatch.intake.notification import Change, Notification, change_of
from emhwatch.model.shape import obj, text
from emhwatch.types import Resource

#: The store, and below its `/fhir` the resource.
_NAME = re.compile(
    r"(projects/[^/]+/locations/[^/]+/datasets/[^/]+/fhirStores/[^/]+)/fhir/(\w+)/([A-Za-z0-9\-.]{1,64})"
)
_DELETED = "DeleteResource"
_REMEDY = "Let only the topic of the FHIR store push to this address."


def pubsub(envelope: Resource, *, base: str) -> Notification:
    """What one pushed message says.

    Args:
        envelope: body of the push request.
        base: base URL of the configured FHIR store, which ends in `{store name}/fhir`.

    Raises:
        FocusForeign: the message is of another FHIR store.
        NotificationMalformed: it names no resource.
    """
    message = obj(envelope, "message")
    attributes = obj(message, "attributes")
    data, deleted = _data(message), text(attributes, "action") == _DELETED
    named = _NAME.fullmatch(data)
    store = text(attributes, "storeName") or (named[1] if named else "")
    if not store or not base.endswith(f"/{store}/fhir") or (named and named[1] != store):
        raise FocusForeign(remedy=_REMEDY)
    if named:
        change = Change(resource_type=named[2], resource_id=named[3], version=text(attributes, "versionId"))
    else:
        change = _of_resource(data)
    if deleted:
        # Version and content are those of the last version, which is known already; the deletion is not.
        change = replace(change, version=None, deleted=True)
    return Notification(changes=(change,), kind="pubsub")


def _data(message: Resource) -> str:
    try:
        return base64.b64decode(text(message, "data") or "", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise NotificationMalformed("message.data is not base64.", remedy=_REMEDY) from None


def _of_resource(data: str) -> Change:
    try:
        resource = json.loads(data)
    except ValueError:
        resource = None
    if not isinstance(resource, dict):
        raise NotificationMalformed("message.data is neither a name nor a resource.", remedy=_REMEDY)
    return change_of(resource)
