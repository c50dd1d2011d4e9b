"""Links between CIs over REST, in the CLI, as a graph and on pages."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Site, serve, settings_of
from tests.server.html import Page
from tests.server.test_cli import stored
from tests.support.cabling import Cabling

from driftline_cmdb import record
from driftline_server.cli.topology import dot


@pytest.fixture(scope="module")
def site(seeded: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this module's own with a row of switches: core1 - dist1 - acc1, and a stranger at acc1."""
    path, tokens = seeded
    directory = tmp_path_factory.mktemp("topology")
    shutil.copy(path, directory / "driftline.db")
    with serve(settings_of(f"sqlite:///{directory / 'driftline.db'}", directory), tokens) as running:
        net = Cabling(running.database)
        for name in ("core1", "dist1", "acc1"):
            net.add(name, 3)
        net.counts["printer9"] = 1
        for cable in (("core1:1", "dist1:1"), ("dist1:2", "acc1:1"), ("acc1:3", "printer9:1")):
            net.plug(*cable)
        net.all_report("core1", "dist1", "acc1")
        with running.database.write() as session:
            ci = record.find_ci(session, "acc1")
            ci.location = "fra1"
            session.add(ci)
        yield running


@pytest.fixture(scope="module")
def viewer(site: Site) -> httpx.Client:
    """A viewer's client."""
    return site.api("viewer")


def links(client: httpx.Client, **query: object) -> list[str]:
    answer = client.get("/links", params=query)  # type: ignore[arg-type]  # plain values
    assert answer.status_code == 200, answer.text
    return [
        f"{one['front']['name']} {one['front_port']} - {one['behind']['name']} {one['behind_port']}"
        for one in answer.json()["items"]
    ]


CORE, ACCESS = "core1 Gi1/0/1 - dist1 Gi1/0/1", "dist1 Gi1/0/2 - acc1 Gi1/0/1"


def test_links(viewer: httpx.Client) -> None:
    assert links(viewer) == [CORE, ACCESS]
    assert links(viewer, sort="-front") == [ACCESS, CORE]
    assert links(viewer, ci="acc1") == [ACCESS]
    assert links(viewer, ci="acc1", depth=2) == [CORE, ACCESS]
    assert links(viewer, site="fra1") == [ACCESS]
    assert links(viewer, q="core") == [CORE]
    assert links(viewer, ci="web1", depth=5) == []
    assert viewer.get("/links", params={"ci": "nowhere"}).status_code == 404
    (one,) = viewer.get("/links", params={"ci": "core1"}).json()["items"]
    assert (one["by"], one["instead"]) == ("LLDP at both ends", None)
    (fact,) = [f for f in viewer.get("/cis/core1/facts").json()["items"] if f["path"] == one["path"]]
    assert fact["since"] is not None


def test_ends_that_are_no_ci(viewer: httpx.Client) -> None:
    (one,) = viewer.get("/unknown-ends").json()["items"]
    assert (one["ci"]["name"], one["port"], one["name"], one["far_port"]) == (
        "acc1", "Gi1/0/3", "printer9", "Gi1/0/1",
    )  # fmt: skip
    assert viewer.get("/unknown-ends", params={"ci": "core1"}).json()["items"] == []


def test_pages(site: Site) -> None:
    browser = site.browser("viewer")
    whole = browser.get("/topology")
    page = Page(whole.text)
    assert page.errors == []
    assert "LLDP at both ends" in whole.text and "printer9" in whole.text
    assert "acc1" not in browser.get("/topology?q=core1").text.partition("Seen, and no CI")[0]
    shown = browser.get("/cis/dist1").text
    assert re.search(r"<h2 class=\"card-title\">Links</h2>", shown) and "acc1" in shown and "core1" in shown


def test_commands(site: Site, tmp_path: Path) -> None:
    run = stored(site, tmp_path / "profiles.toml")
    rows = [line.split()[:4] for line in run("topology", "acc1").stdout.splitlines()]
    assert rows[0] == ["CI", "PORT", "CI", "PORT"]
    assert ["dist1", "Gi1/0/2", "acc1", "Gi1/0/1"] in rows
    assert ["acc1", "Gi1/0/3", "printer9", rows[-1][3]] in rows
    said = json.loads(run("topology", "acc1", "--depth", "2", "--json").stdout)
    assert (len(said["links"]), len(said["unknown_ends"])) == (2, 1)
    assert "no link" in run("topology", "web1").stdout
    graph = run("topology", "--dot").stdout
    assert graph.startswith("graph topology {")
    assert graph.count(" -- ") == 3
    _drawn(graph)
    assert "links" in run("ci", "show", "acc1").stdout


def test_a_graph_survives_any_name() -> None:
    ends = {"front": {"uid": "1", "name": 'a"b\\'}, "behind": {"uid": "2", "name": "c\nd"}}
    link = {**ends, "front_port": "Gi1/0/1", "behind_port": '"', "by": "LLDP at both ends"}
    end = {"id": 7, "ci": {"uid": "2", "name": "c"}, "port": "x", "name": None, "address": None, "chassis_id": "<b>"}
    graph = dot([link], [end])
    assert '  "1" [label="a\\"b\\\\"];' in graph.splitlines()
    _drawn(graph)


def _drawn(graph: str) -> None:
    """Have Graphviz read a graph where it is installed; else check the language's grammar as far as it is used here."""
    program = shutil.which("dot")
    if program is not None:
        subprocess.run([program, "-Tcanon"], input=graph, text=True, check=True, capture_output=True)
    text = r'"(?:[^"\\]|\\.)*"'
    value = rf"(?:{text}|[a-z]+)"
    attributes = rf"\[[a-z]+={value}(?:, [a-z]+={value})*\]"
    statement = rf"\s*(?:node|{text}(?: -- {text})?) {attributes};\s*"
    assert re.fullmatch(rf"graph topology \{{(?:{statement})*\}}\s*", graph), graph
