"""CIs and relations that people put on record: over REST, in the CLI and on the page."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import select
from tests.server.conftest import Site, serve, settings_of
from tests.server.test_cli import stored

from driftline_cmdb.tables.sources import Source
from driftline_server.cli.relations import dot
from driftline_server.times import now_ms


@pytest.fixture(scope="module")
def site(seeded: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this module's own, because its tests write."""
    path, tokens = seeded
    directory = tmp_path_factory.mktemp("relations")
    shutil.copy(path, directory / "driftline.db")
    with serve(settings_of(f"sqlite:///{directory / 'driftline.db'}", directory), tokens) as running:
        yield running


@pytest.fixture(scope="module")
def operator(site: Site) -> httpx.Client:
    """An operator's client with a shop on record: shop depends on web1, web1 runs on hv7."""
    client = site.api("operator")
    for name, ci_class in (("shop", "service"), ("hv7", "server")):
        made = client.post("/cis", json={"name": name, "ci_class": ci_class, "status": "installed"})
        assert made.status_code == 201, made.text
        assert made.json()["first_seen"] is None and made.json()["sources"] == []
    for name, kind, to in (("shop", "depends on", "web1"), ("web1", "runs on", "hv7")):
        made = client.post(f"/cis/{name}/relations", json={"kind": kind, "to": to})
        assert made.status_code == 201, made.text
    return client


def shown(client: httpx.Client, ci: str, **query: object) -> list[str]:
    answer = client.get(f"/cis/{ci}/relations", params=query)  # type: ignore[arg-type]  # plain values
    return [f"{one['front']['name']} {one['kind']} {one['behind']['name']}" for one in answer.json()["items"]]


def test_relations_are_seen_from_both_ends(operator: httpx.Client) -> None:
    assert shown(operator, "web1") == ["web1 depends on db1", "web1 runs on hv7", "shop depends on web1"]
    assert shown(operator, "hv7") == ["web1 runs on hv7"]
    assert shown(operator, "hv7", chains=True) == ["shop depends on web1", "web1 runs on hv7"]
    on = ["shop depends on web1", "web1 depends on db1", "web1 runs on hv7"]
    assert shown(operator, "shop", chains=True) == on
    assert shown(operator, "db1", chains=True) == ["shop depends on web1", "web1 depends on db1", "web2 depends on db1"]
    assert shown(operator, "old1", chains=True) == []


def test_what_does_not_do_is_refused(operator: httpx.Client, site: Site) -> None:
    def answer(ci: str, kind: str, to: str) -> tuple[int, str]:
        got = operator.post(f"/cis/{ci}/relations", json={"kind": kind, "to": to})
        return got.status_code, got.json()["detail"]

    assert answer("web1", "runs on", "hv7") == (409, "web1 runs on hv7 is on record already")
    assert answer("web1", "likes", "hv7")[0] == 422
    assert answer("web1", "runs on", "web1")[0] == 422
    assert answer("web1", "runs on", "nowhere")[0] == 404
    gone = operator.delete("/cis/web1/relations", params={"kind": "depends on", "to": "hv7"})
    assert gone.status_code == 404
    for body in (
        {"name": "shop"},
        {"name": "x", "ci_class": "toaster"},
        {"name": "x", "status": "lost"},
        {"name": " "},
    ):
        assert operator.post("/cis", json=body).status_code in (409, 422), body
    assert site.api("viewer").post("/cis", json={"name": "x"}).status_code == 403


def test_decisions_are_audited(operator: httpx.Client) -> None:
    entries = operator.get("/audit", params={"action": "ci"}).json()["items"]
    assert {entry["action"] for entry in entries} >= {"ci.created", "ci.related"}
    (one,) = [entry for entry in entries if entry["action"] == "ci.related" and entry["subject"] == "CI shop"]
    assert (one["actor"], one["detail"]["name"], one["detail"]["kind"]) == ("operator", "web1", "depends on")


def test_a_relation_is_a_fact_with_a_history(operator: httpx.Client) -> None:
    found = operator.get("/cis/shop/facts").json()["items"]
    named = {item["path"].rpartition(".")[2]: item["value"] for item in found}
    assert (named["name"], named["announced"]) == ("web1", True)
    (change,) = operator.get("/cis/shop/history").json()["items"]
    assert change["path"].startswith("record.relations[depends on/") and change["before"] is None


def test_silent_cis(operator: httpx.Client, site: Site) -> None:
    with site.database.write() as session:  # it calls now, however long ago it was filled
        source = session.exec(select(Source).where(Source.uid == "source-db1")).one()
        source.seen_ms = now_ms()
        session.add(source)
    silent = {one["name"] for one in operator.get("/cis", params={"silent": True}).json()["items"]}
    assert "old1" in silent and silent.isdisjoint({"shop", "hv7", "db1"})
    findings = operator.get("/cis/old1").json()["findings"]
    assert any(one["kind"] == "silent" for one in findings)


def test_a_graph_survives_any_name() -> None:
    ends = {"front": {"uid": "1", "name": 'a"b\\'}, "behind": {"uid": "2", "name": "c"}}
    assert dot([{**ends, "kind": "runs on"}]).splitlines() == [
        "digraph relations {",
        "  rankdir=LR;",
        '  "1" [label="a\\"b\\\\"];',
        '  "2" [label="c"];',
        '  "1" -> "2" [label="runs on"];',
        "}",
    ]


def test_commands(site: Site, tmp_path: Path) -> None:
    run = stored(site, tmp_path / "profiles.toml")
    assert "token create-join --ci web9" in run("ci", "plan", "web9", "--site", "fra1").stdout
    made = json.loads(run("token", "create-join", "--ci", "web9", "--json").stdout)
    assert made["ci"]["name"] == "web9"
    run("ci", "create", "mail", "--class", "service")
    assert run("ci", "relate", "mail", "depends on", "web9").stdout == "mail depends on web9\n"
    table = run("ci", "relations", "web9").stdout.splitlines()[1]
    assert table.split()[:4] == ["mail", "depends", "on", "web9"]
    assert '[label="depends on"]' in run("ci", "relations", "mail", "--dot").stdout
    assert "depends on" in run("ci", "show", "web9").stdout
    assert run("ci", "unrelate", "mail", "depends on", "web9").stdout == "mail depends on web9: no longer\n"
    assert run("ci", "relations", "mail").stdout == "no relation\n"
    assert "old1" in run("ci", "list", "--silent").stdout
    assert "is not one of" in run("ci", "create", "x", "--class", "toaster", code=1).stderr
