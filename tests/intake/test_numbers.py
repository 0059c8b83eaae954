"""Missing numbers are noticed, and nothing that real servers do looks like one."""

from hypothesis import given
from hypothesis import strategies as st

from emhwatch.intake.numbers import Count


def after(*notifications: tuple[list[int], int | None]) -> Count:
    count = Count()
    for numbers, total in notifications:
        count = count.with_events(numbers, total)
    return count


def test_a_number_that_stays_away_is_missing() -> None:
    assert after(([21], 21), ([23], 23)).missing == (22, 22)
    assert after(([21], 21), ([25], 25), ([24], 25)).missing == (22, 23)


def test_a_heartbeat_tells_of_events_that_never_came() -> None:
    assert after(([7], 7), ([], 9)).missing == (8, 9)


def test_out_of_order_is_no_gap() -> None:
    assert after(([3], 3), ([5], 5), ([4], 4)).missing is None


def test_numbers_that_begin_anew_in_each_notification_are_no_gap() -> None:
    assert after(([1, 2, 3], 3), ([1, 2], 2), ([1, 2, 3, 4], 4), ([1], 1)).missing is None


def test_a_server_that_counts_anew_after_a_restart() -> None:
    assert after(([500], 500), ([1], 1)) == Count(1, 1)
    assert Count(500, 502, frozenset({502})).restarted(0) == Count(0, 0)


def test_what_was_looked_for_is_not_missing_any_more() -> None:
    assert after(([1], 1), ([9], 9)).closed == Count(9, 9)


def test_a_number_beyond_all_reason_costs_nothing() -> None:
    count = after(([1], 1), ([10**17], 10**17))
    assert count.missing == (2, 10**17) and not count.seen


@given(st.permutations(range(1, 40)), st.integers(0, 39))
def test_any_order_without_loss_ends_without_a_gap_and_any_loss_is_seen(order: list[int], lost: int) -> None:
    count = Count(0, 0)
    for number in order:
        if number != lost:
            count = count.with_events([number], number)
    if lost in (0, 39):  # nothing is lost, or nothing came after it
        assert count.missing is None and count.number == (39 if lost == 0 else 38)
    else:
        assert count.missing == (lost, lost)
