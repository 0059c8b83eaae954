"""A further lesion beside the ribs or the kidneys: a second site of EMH, or only what makes several (policy 6.1)."""

import pytest

from tests.assess.bundles import assess, condition, report


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Multiple paravertebral and paracostal masses from T6 to T12.", True),
        ("Right paravertebral mass at T10. A further paracostal mass along the right 8th rib.", True),
        ("Right paravertebral mass at T10 that extends into the paracostal tissue.", False),
        ("Multiple paravertebral masses from T6 to T12.", False),
        ("Multiple paracostal masses.", False),
        ("Right paravertebral mass at T10. Presacral mass.", False),
        ("Right paravertebral mass at T10. No paracostal mass.", False),
    ],
)
def test_a_paracostal_lesion_apart_is_another_site(text: str, expected: bool) -> None:
    found = assess(report(text), condition("D56.1"))
    assert ("other_emh_site" in {fact.key for fact in found.facts if fact.mass == 0}) is expected
