"""Proposals over REST, in the CLI and on the pages: who may decide, and what comes of it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Site, csrf_of, serve, settings_of
from tests.server.test_cli import stored


@pytest.fixture
def site(seeded: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Site]:
    """A server of each test's own."""
    path, tokens = seeded
    shutil.copy(path, tmp_path / "driftline.db")
    with serve(settings_of(f"sqlite:///{tmp_path / 'driftline.db'}", tmp_path), tokens) as running:
        yield running


def titles(client: httpx.Client, **query: object) -> dict[str, int]:
    answer = client.get("/proposals", params=query)  # type: ignore[arg-type]  # plain values
    assert answer.status_code == 200, answer.text
    return {one["title"]: one["id"] for one in answer.json()["items"]}


def decide(client: httpx.Client, decision: str, *ids: int, reason: str = "") -> httpx.Response:
    return client.post("/proposals/decide", json={"ids": ids, "decision": decision, "reason": reason})


def test_what_is_seen_is_listed_with_its_evidence(site: Site) -> None:
    viewer = site.api("viewer")
    assert set(titles(viewer)) == {"database postgresql on db1 on db1", "old1 depends on db1"}
    assert set(titles(viewer, ci="old1")) == {"old1 depends on db1"}
    assert titles(viewer, kind="runs on") == {} and titles(viewer, mine=True) == {}
    shown = viewer.get(f"/proposals/{titles(viewer)['old1 depends on db1']}").json()
    assert shown["evidence"]["by"] == "seen: tcp 192.0.2.3:5432 from old1 (shop.service)"
    assert viewer.get("/proposals/99").status_code == 404
    assert viewer.get("/proposals", params={"state": "lost"}).status_code == 422


def test_several_are_accepted_at_once_or_none(site: Site) -> None:
    operator = site.api("operator")
    ids = list(titles(operator).values())
    assert decide(operator, "accept", *ids, 99).status_code == 404
    assert len(titles(operator)) == 2, "nothing half-applied"
    answer = decide(operator, "accept", *ids)
    assert {one["state"] for one in answer.json()["items"]} == {"accepted"}
    relations = operator.get("/cis/db1/relations").json()["items"]
    assert {f"{one['front']['name']} {one['kind']}" for one in relations} >= {
        "old1 depends on",
        "postgresql on db1 runs on",
    }
    assert operator.get("/cis/postgresql on db1").json()["ci_class"] == "database"
    assert decide(operator, "accept", *ids).status_code == 409


def test_the_owner_of_the_ci_in_front_may_decide(site: Site) -> None:
    viewer, operator = site.api("viewer"), site.api("operator")
    wanted = titles(viewer)["old1 depends on db1"]
    refused = decide(viewer, "accept", wanted)
    assert refused.status_code == 403 and "the owner of old1" in refused.json()["detail"]
    operator.patch("/cis/old1", json={"owner": "viewer"})
    assert set(titles(viewer, mine=True)) == {"old1 depends on db1"}
    assert decide(viewer, "accept", wanted).status_code == 200


def test_a_rejection_has_a_reason_and_can_be_taken_back(site: Site) -> None:
    operator = site.api("operator")
    wanted = titles(operator)["old1 depends on db1"]
    assert decide(operator, "reject", wanted).status_code == 422
    assert decide(operator, "reject", wanted, reason="a test").status_code == 200
    assert set(titles(operator, state="rejected")) == {"old1 depends on db1"}
    assert decide(operator, "reopen", wanted).json()["items"][0]["state"] == "open"


def test_patterns_and_rules(site: Site) -> None:
    operator = site.api("operator")
    made = operator.post("/proposal-ignores", json={"network": "192.0.2.3", "reason": "a test"})
    assert made.status_code == 201 and made.json()["port"] is None
    assert "old1 depends on db1" in titles(operator, state="ignored")
    assert operator.delete(f"/proposal-ignores/{made.json()['id']}").status_code == 200
    rules = operator.get("/service-rules").json()
    assert rules["number"] == 0 and "postgresql" in rules["document"]
    bad = operator.put("/service-rules", json={"document": "services:\n  - {rule: x}\n"})
    assert bad.status_code == 422 and "service rules:2:5: services[0]: has no name" in bad.json()["detail"]
    assert operator.put("/service-rules", json={"document": "services: []"}).json()["number"] == 1
    actions = {one["action"] for one in operator.get("/audit", params={"action": "proposals"}).json()["items"]}
    assert actions == {"proposals.ignored", "proposals.not_ignored"}


def test_pages(site: Site) -> None:
    browser = site.browser("operator")
    ids = list(titles(site.api("operator")).values())
    assert "1 proposed" in browser.get("/cis/old1").text
    form = {"csrf": csrf_of(browser), "decision": "accept", "ids": [str(one) for one in ids], "reason": ""}
    answer = browser.post("/proposals/decide", data=form)
    assert answer.status_code == 303, answer.text
    assert "Accepted. It is on record." in browser.get(answer.headers["location"]).text
    assert "proposed" not in browser.get("/cis/old1").text
    form = {"csrf": csrf_of(browser), "document": "services: []\r\n", "after": "0", "comment": "none"}
    assert browser.post("/service-rules", data=form).status_code == 303
    assert "none" in browser.get("/service-rules").text
    form = {"csrf": csrf_of(browser), "port": "9999", "reason": "a test"}
    assert browser.post("/proposal-ignores", data=form).status_code == 303
    assert "tcp/9999" in browser.get("/proposals").text


def test_commands(site: Site, tmp_path: Path) -> None:
    run = stored(site, tmp_path / "profiles.toml")
    found = {one["title"]: one["id"] for one in json.loads(run("proposal", "list", "--json").stdout)}
    assert "old1 depends on db1" in run("proposal", "list").stdout
    wanted = str(found["old1 depends on db1"])
    assert "shop.service" in run("proposal", "show", wanted).stdout
    service = str(found["database postgresql on db1 on db1"])
    assert "listens on tcp/5432" in run("proposal", "show", service).stdout
    assert "is rejected" in run("proposal", "reject", wanted, "--reason", "no").stdout
    assert "is open" in run("proposal", "reopen", wanted).stdout
    assert run("proposal", "accept", wanted, service).stdout.count("is accepted") == 2
    assert run("proposal", "list").stdout == "no proposal\n"
    assert "tcp/161 is never" in run("proposal", "ignore", "--port", "161", "--reason", "x").stdout
    assert "tcp/9100" in run("proposal", "ignored").stdout
    ignores = json.loads(run("proposal", "ignored", "--json").stdout)
    assert "is proposed again" in run("proposal", "unignore", str(ignores[0]["id"])).stdout
    assert "rule: postgresql" in run("proposal", "rules").stdout
    rules = tmp_path / "rules.yaml"
    rules.write_text("services: []\n")
    assert run("proposal", "rules", "--set", str(rules)).stdout == "service rules v1 are in force\n"
