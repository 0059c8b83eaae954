"""What each kind of client takes: Epic, Cerner, the public sandbox; and a new one that is only a file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emhwatch.cds.cards import build
from emhwatch.cds.shape import plain, problems, pruned, shaped
from emhwatch.errors import ConfigurationError
from emhwatch.tables import clients as client_tables
from emhwatch.tables.clients import Profile
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.tables.locate import table_files
from tests.cds import card_samples as samples
from tests.cds.hook_support import Decision, hook, site, use


@pytest.fixture(scope="module")
def tables() -> TableSet:
    return load_tables()


def card(tables: TableSet, name: str = "W-1") -> dict[str, Any]:
    shown = replace(samples.every_card()[name], draft_order="ServiceRequest/o1", hold_offered=name == "W-1")
    (built,) = build(shown, tables, hook="order-sign")
    return built


@pytest.mark.parametrize("profile", ["default", "epic", "cerner", "sandbox"])
@pytest.mark.parametrize("name", samples.every_card())
def test_every_card_is_valid_for_every_client(name: str, profile: str, tables: TableSet) -> None:
    made = shaped(card(tables, name), tables.clients.profiles[profile], evidence_url="https://x.example/evidence")
    assert problems([made]) == []
    assert pruned(made) == made


def test_epic_gets_one_action_any_static_topic_and_no_foreign_links(tables: TableSet) -> None:
    made = shaped(card(tables), tables.clients.profiles["epic"])
    assert made["selectionBehavior"] == "any"
    assert all(len(s["actions"]) == 1 for s in made["suggestions"])
    assert all(s["actions"][0]["description"] == s["label"] for s in made["suggestions"])
    assert made["source"]["topic"]["code"] == "W1"
    assert "links" not in made
    assert "**" not in made["detail"]
    assert made["uuid"]


def test_site_names_the_hosts_that_epic_allows(tables: TableSet) -> None:
    epic = replace(tables.clients.profiles["epic"], link_hosts=("www.nice.org.uk",))
    made = shaped(card(tables, "K-1 cord"), epic)
    assert [link["url"] for link in made["links"]] == ["https://www.nice.org.uk/guidance/ng234"]


def test_cerner_gets_plain_text_and_one_hook(tables: TableSet) -> None:
    cerner = tables.clients.profiles["cerner"]
    assert cerner.hooks == ("patient-view",)
    detail = shaped(card(tables), cerner)["detail"]
    assert detail.startswith('Found. CT of 2026-11-18: "smooth')


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"**Found.** \*a\* \[b\]", "Found. *a* [b]"),
        ("&lt;b&gt; &amp;lt; &#123;x&#125;", "<b> &lt; {x}"),
        (r"\*\*not bold\*\*", "**not bold**"),
    ],
)
def test_plain_detail_says_the_same(markdown: str, text: str) -> None:
    assert plain(markdown) == text


def test_smart_link_only_where_it_works(tables: TableSet) -> None:
    smart = {"label": "App", "url": "https://app.example/launch", "type": "smart"}
    with_app = {**card(tables), "links": [smart]}
    assert shaped(with_app, tables.clients.profiles["default"])["links"] == [smart]
    assert "links" not in shaped(with_app, tables.clients.profiles["cerner"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"summary": "x" * 140}, "summary"),
        ({"summary": ""}, "summary"),
        ({"indicator": "hard-stop"}, "indicator"),
        ({"uuid": ""}, "uuid"),
        ({"source": {}}, "source"),
        ({"selectionBehavior": "all"}, "selectionBehavior"),
        ({"suggestions": [{"label": "x", "uuid": "y", "actions": []}]}, "suggestion"),
        (
            {"suggestions": [{"label": "x", "uuid": "y", "actions": [{"type": "delete", "description": "d"}]}]},
            "resourceId",
        ),
        ({"overrideReasons": [{"code": "c", "system": "s"}]}, "overrideReasons"),
        ({"links": [{"label": "l", "url": "u"}]}, "links"),
    ],
)
def test_check_before_sending_finds(change: dict[str, Any], problem: str, tables: TableSet) -> None:
    assert any(problem in found for found in problems([{**card(tables), **change}]))


def test_new_client_is_a_file() -> None:
    files = table_files()
    files.files = {**files.files, "mappings/clients/profiles/meditech.toml": b'hooks = ["order-sign"]\n'}
    profile = client_tables.parse(files).profiles["meditech"]
    assert files.problems == []
    assert profile == Profile(
        **{
            **{n: getattr(load_tables().clients.profiles["default"], n) for n in Profile.__slots__},
            "hooks": ("order-sign",),
        }
    )


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        ("mappings/clients/profiles/x.toml", b'hooks = ["nothing"]', "unknown hook"),
        ("mappings/clients/profiles/x.toml", b"colour = 1", "unknown or missing"),
        (
            "mappings/clients/prefetch.csv",
            b"key,need,gap,query\nk,decision,g,Condition?patient={{context.draftOrders}}",
            "token",
        ),
        ("mappings/clients/prefetch.csv", b"key,need,gap,query\nk,sometimes,g,Condition?x", "unknown need"),
    ],
)
def test_mistake_in_a_client_table_is_named(path: str, content: bytes, problem: str) -> None:
    files = table_files()
    files.files = {**files.files, path: content}
    client_tables.parse(files)
    assert any(problem in str(found) and path in str(found) for found in files.problems)


async def test_sandbox_request_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public sandbox: no encounter, no Bundle type, no intent, an order of the example id, prefetch as Bundles."""
    use(Decision(), monkeypatch)
    body = hook("order-select")
    del body["context"]["encounterId"]
    order = {
        "resourceType": "ServiceRequest",
        "id": "example-request-id",
        "status": "draft",
        "intent": "plan",
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "32408"}], "text": "biopsy"},
        "subject": {"reference": "Patient/p1"},
    }
    body["context"] |= {
        "selections": ["ServiceRequest/example-request-id"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
    }
    async with site(tmp_path, open_profile="sandbox") as service:
        answer = await service.client.post("/cds-services/emh-order-select", json=body)
        assert len(answer.json()["cards"]) == 1
        wrong = await service.client.post("/cds-services/emh-order-select", json=hook("order-sign"))
        assert wrong.status_code == 400
        view = hook("patient-view")
        del view["context"]["encounterId"]
        assert len((await service.client.post("/cds-services/emh-patient-view", json=view)).json()["cards"]) == 1


async def test_site_switches_hooks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Decision(), monkeypatch)
    async with site(tmp_path, hooks=("order-sign",)) as service:
        listed = (await service.client.get("/cds-services")).json()["services"]
        assert [s["hook"] for s in listed] == ["order-sign"]
        answer = await service.client.post("/cds-services/emh-patient-view", json=hook("patient-view"))
        assert answer.status_code == 404
    with pytest.raises(ConfigurationError, match="unknown hook"):
        async with site(tmp_path, hooks=("order-sing",)):
            pass
