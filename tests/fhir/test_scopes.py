"""SMART scopes in both versions."""

import pytest

from emhwatch.fhir.scopes import NEEDED, as_v1, missing


def test_version_1_says_read_and_write() -> None:
    assert as_v1(["system/A.rs", "system/B.crus", "system/C.c", "openid", "system/D.read"]) == (
        *("system/A.read", "system/B.read", "system/B.write", "system/C.write", "openid", "system/D.read"),
    )


@pytest.mark.parametrize(
    ("asked", "granted", "lacking"),
    [
        (["system/A.rs"], ["system/A.cruds"], ()),
        (["system/A.rs"], ["system/*.read"], ()),
        (["system/A.rs"], ["system/A.r", "system/*.s"], ()),
        (["system/A.rs"], ["system/A.r"], ("system/A.rs",)),
        (["system/A.rs"], ["user/A.rs"], ("system/A.rs",)),
        (["system/A.rs"], ["system/A.rs?category=laboratory"], ("system/A.rs",)),
        (["system/A.crus"], ["system/A.read", "system/A.write"], ()),
        (["system/A.*"], ["system/A.cruds"], ()),
        (["openid"], [], ("openid",)),
    ],
)
def test_what_a_grant_leaves_out(asked: list[str], granted: list[str], lacking: tuple[str, ...]) -> None:
    assert missing(asked, granted) == lacking


def test_the_service_asks_for_what_it_does() -> None:
    assert missing(NEEDED, as_v1(NEEDED)) == ()
    assert all(scope.startswith("system/") for scope in NEEDED)
