"""Every exception of the package, cut by what the caller can do.

    EmhError
      ConfigurationError        a setting is missing or wrong
      InputError                the call or its input is wrong (exit 2)
      TableError                the tables are not valid; carries the problems
      IntakeError               a notification is refused
        NotificationMalformed (FocusForeign), MediaUnsupported, SenderUntrusted, SubscriptionUnknown, SenderThrottled,
        BodyTooLarge, InboxUnavailable
      StoreUnavailable          the data store cannot be used now
      StageTimeout              a stage of an event took longer than its limit
      FhirError                 the FHIR server did not do what was asked
        FhirUnavailable, FhirThrottled, FhirUnauthorized, FhirForbidden, FhirNotFound, FhirGone,
        FhirConflict, FhirRejected, FhirInvalidResource, OutcomeUnknown
      CdsError                  a CDS Hooks request is refused
        HookUnknown, HookRequestInvalid, PrefetchIncomplete, CdsClientUntrusted, CdsOverloaded, CdsFailed

Messages are fixed text plus names of settings, element paths and codes: never a value that was sent, never a URL.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar


class RetryClass(StrEnum):
    """What a worker does with an event that failed."""

    TRANSIENT = "transient"  #: try again, with back-off
    NEEDS_PERSON = "needs-person"  #: dead letter at once; a replay makes sense after someone acted
    POISON = "poison"  #: dead letter at once; a replay cannot help
    UNKNOWN_OUTCOME = "unknown-outcome"  #: look first whether it happened


class EmhError(Exception):
    """Base. `code` is stable and documented in `deploy/RUNBOOK.md`."""

    code: ClassVar[str] = "error"
    issue_type: ClassVar[str] = "exception"  #: FHIR IssueType
    status: ClassVar[int] = 500  #: HTTP status where it is answered
    retry: ClassVar[RetryClass] = RetryClass.NEEDS_PERSON

    def __init__(self, message: str = "", *, remedy: str = "") -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.remedy = remedy
        super().__init__(f"{self.message} {remedy}".strip())


class ConfigurationError(EmhError):
    """A setting is missing or wrong."""

    code = "configuration"


class InputError(EmhError):
    """The call or its input is wrong."""

    code = "input"
    issue_type = "invalid"
    status = 400


class TableError(EmhError):
    """The tables are not valid."""

    code = "tables"

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class IntakeError(EmhError):
    """A notification is refused."""

    status = 400
    issue_type = "invalid"


class NotificationMalformed(IntakeError):
    """The body is not a notification that can be understood."""

    code = "notification-malformed"
    issue_type = "structure"


class FocusForeign(NotificationMalformed):
    """What is told of is not a resource of the configured server."""

    code = "focus-foreign"
    issue_type = "security"


class MediaUnsupported(IntakeError):
    """The body has a form that is not read here."""

    code = "media-unsupported"
    issue_type = "not-supported"
    status = 415


class SenderUntrusted(IntakeError):
    """The sender did not prove who it is."""

    code = "sender-untrusted"
    issue_type = "security"
    status = 401


class SubscriptionUnknown(IntakeError):
    """The Subscription is not one of this service."""

    code = "subscription-unknown"
    issue_type = "not-found"
    status = 404


class SenderThrottled(IntakeError):
    """The sender sends more than it may; send it again later."""

    code = "sender-throttled"
    issue_type = "throttled"
    status = 429

    def __init__(self, retry_after_s: float) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class BodyTooLarge(IntakeError):
    """The body is larger than the limit."""

    code = "body-too-large"
    issue_type = "too-long"
    status = 413


class InboxUnavailable(IntakeError):
    """The event could not be made durable; send it again."""

    code = "inbox-unavailable"
    issue_type = "transient"
    status = 503


class StoreUnavailable(EmhError):
    """The data store cannot be used now."""

    code = "store-unavailable"
    issue_type = "transient"
    status = 503
    retry = RetryClass.TRANSIENT


class StageTimeout(EmhError):
    """A stage of an event took longer than its limit."""

    code = "stage-timeout"
    issue_type = "timeout"
    status = 504
    retry = RetryClass.TRANSIENT


class FhirError(EmhError):
    """The FHIR server did not do what was asked."""

    code = "fhir"
    status = 502

    def __init__(self, message: str = "", *, remedy: str = "", http_status: int | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.http_status = http_status


class FhirUnavailable(FhirError):
    """The FHIR server could not be reached or is failing."""

    code = "fhir-unavailable"
    issue_type = "transient"
    retry = RetryClass.TRANSIENT

    def __init__(
        self,
        message: str = "",
        *,
        remedy: str = "",
        http_status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, http_status=http_status)
        self.retry_after_s = retry_after_s


class FhirThrottled(FhirError):
    """The FHIR server asks to slow down."""

    code = "fhir-throttled"
    issue_type = "throttled"
    retry = RetryClass.TRANSIENT

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message, http_status=429)
        self.retry_after_s = retry_after_s


class FhirUnauthorized(FhirError):
    """The FHIR server does not accept our credentials."""

    code = "fhir-unauthorized"
    issue_type = "login"


class FhirForbidden(FhirError):
    """Our credentials do not allow this request."""

    code = "fhir-forbidden"
    issue_type = "forbidden"


class FhirNotFound(FhirError):
    """The resource is not on the FHIR server."""

    code = "fhir-not-found"
    issue_type = "not-found"


class FhirGone(FhirNotFound):
    """The resource was deleted."""

    code = "fhir-gone"
    issue_type = "deleted"


class FhirConflict(FhirError):
    """Somebody else changed the resource first (409, 412)."""

    code = "fhir-conflict"
    issue_type = "conflict"
    retry = RetryClass.TRANSIENT


class FhirRejected(FhirError):
    """The FHIR server refuses the request (400, 422)."""

    code = "fhir-rejected"
    issue_type = "processing"


class FhirInvalidResource(FhirError):
    """What came back, or would be sent, is not valid FHIR."""

    code = "fhir-invalid-resource"
    issue_type = "structure"
    retry = RetryClass.POISON


#: What the FHIR server will answer again however often it is asked.
FHIR_LASTING = (FhirForbidden, FhirInvalidResource, FhirNotFound, FhirRejected)


class OutcomeUnknown(FhirError):
    """A write got no answer; whether it happened must be looked up."""

    code = "outcome-unknown"
    issue_type = "transient"
    retry = RetryClass.UNKNOWN_OUTCOME


class CdsError(EmhError):
    """A CDS Hooks request is refused."""

    status = 400
    issue_type = "invalid"


class HookUnknown(CdsError):
    """There is no CDS service of this id."""

    code = "hook-unknown"
    issue_type = "not-found"
    status = 404


class HookRequestInvalid(CdsError):
    """The request is not a CDS Hooks request that can be understood."""

    code = "hook-request-invalid"


class PrefetchIncomplete(CdsError):
    """Data that the decision needs was neither sent nor could be fetched."""

    code = "prefetch-incomplete"
    issue_type = "required"
    status = 412


class CdsClientUntrusted(CdsError):
    """The client did not prove who it is."""

    code = "cds-client-untrusted"
    issue_type = "security"
    status = 401


class CdsOverloaded(CdsError):
    """The service is at capacity; ask again."""

    code = "cds-overloaded"
    issue_type = "throttled"
    status = 503


class CdsFailed(CdsError):
    """The evaluation failed; nothing was decided."""

    code = "cds-failed"
    issue_type = "exception"
    status = 500
