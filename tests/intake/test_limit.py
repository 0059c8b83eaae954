"""One sender that floods us is slowed down, and nobody else."""

from emhwatch.intake.limit import RateLimit


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Ticks()
    limit = RateLimit(5.0, clock)
    assert [limit.wait_s("a") for _ in range(10)] == [0.0] * 10
    assert limit.wait_s("a") == 0.2
    assert limit.wait_s("b") == 0.0
    clock.now += 0.2
    assert limit.wait_s("a") == 0.0
    assert limit.wait_s("a") > 0.0
    clock.now += 3600
    assert sum(limit.wait_s("a") == 0.0 for _ in range(100)) == 10


def test_no_limit() -> None:
    limit = RateLimit(0.0, Ticks())
    assert not any(limit.wait_s("a") for _ in range(10_000))


def test_many_senders_do_not_fill_the_memory() -> None:
    limit = RateLimit(1.0, Ticks())
    for number in range(20_000):
        limit.wait_s(str(number))
    assert len(limit._left) == 10_000
