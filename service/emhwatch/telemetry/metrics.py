"""Prometheus metrics: closed label sets, units in the names, raw signals only."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.notifications = Counter(
            "emhwatch_notifications", "Notifications by outcome", ("outcome", "kind"), registry=self.registry
        )
        self.accepted = Counter("emhwatch_events_accepted", "Events by way in", ("source",), registry=self.registry)
        self.duplicate = Counter("emhwatch_events_duplicate", "Events known already", registry=self.registry)
        self.attempts = Counter(
            "emhwatch_attempts", "Attempts by outcome", ("outcome", "resource_type"), registry=self.registry
        )
        self.waited = Histogram(
            "emhwatch_event_waited_seconds", "From accepted to claimed", buckets=_SECONDS, registry=self.registry
        )
        self.worked = Histogram(
            "emhwatch_event_worked_seconds", "From claimed to settled", buckets=_SECONDS, registry=self.registry
        )
        self.stage = Histogram(
            "emhwatch_stage_seconds", "Stages of an event", ("stage",), buckets=_SECONDS, registry=self.registry
        )
        self.in_work = Gauge("emhwatch_events_in_work", "Events that are worked now", registry=self.registry)
        self.breaker = Gauge(
            "emhwatch_fhir_breaker_open",
            "1 while the FHIR server is away and nothing is claimed",
            registry=self.registry,
        )
        self.written = Counter("emhwatch_writebacks", "Write-backs by outcome", ("outcome",), registry=self.registry)
        self.hooks = Histogram(
            "emhwatch_hook_seconds",
            "CDS Hooks requests",
            ("service", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.cards = Counter("emhwatch_cards", "CDS Hooks answers by card", ("card",), registry=self.registry)
        self.waiting = Gauge("emhwatch_inbox_waiting", "Events that wait", registry=self.registry)
        self.dead = Gauge("emhwatch_inbox_dead", "Dead letters", registry=self.registry)
        self.oldest = Gauge("emhwatch_inbox_oldest_seconds", "Age of the oldest waiting event", registry=self.registry)
        self.undelivered = Gauge(
            "emhwatch_critical_undelivered", "Critical results that no channel has delivered", registry=self.registry
        )

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)
