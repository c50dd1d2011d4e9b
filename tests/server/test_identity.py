"""Identity for people: the queue, decisions and their undo, over API, pages and CLI."""

from pathlib import Path

import pytest
from sqlmodel import select
from tests.server.conftest import Site, csrf_of
from tests.server.html import Page
from tests.server.test_cli import stored

from driftline_cmdb import record
from driftline_cmdb.identity import bindings
from driftline_cmdb.tables.identity import IdentityReview
from driftline_cmdb.tables.sources import Source


def ask(site: Site, host: str = "web2", ci: str = "web1") -> int:
    """Have a question wait: a host's agent has another's name."""
    with site.database.write() as session:
        own, claimed = record.find_ci(session, host), record.find_ci(session, ci)
        (bound,) = bindings.of_ci(session, own.id)
        review = IdentityReview(
            kind="same name",
            source_id=bound.source_id,
            ci_id=claimed.id,
            own_ci_id=own.id,
            score=20,
            pieces=[
                {"kind": "machine_id", "value": "1", "other_value": "2", "weight": -20, "why": "another machine id"}
            ],
            opened_ms=1_790_000_000_000,
        )
        session.add(review)
        session.flush()
        return review.id


def test_the_queue_shows_both_sides(own_site: Site) -> None:
    review = ask(own_site)
    api = own_site.api("viewer")
    (row,) = api.get("/identity/reviews").json()["items"]
    assert (row["hostname"], row["ci"]["name"], row["own"]["name"]) == ("web2", "web1", "web2")
    found = api.get(f"/identity/reviews/{review}").json()
    assert found["left"]["macs"] == ["52:54:00:00:00:02"] and found["right"]["macs"] == ["52:54:00:00:00:01"]
    assert found["right"]["addresses"] == ["192.0.2.1/24"] and found["right"]["os"].startswith("Debian")
    assert found["right"]["owner"] == "Web team" and 1 in found["right"]["rfcs"] and found["right"]["open_drifts"]
    assert [one["action"] for one in found["choices"]] == ["same", "clone", "replacement", "retire old"]
    text = own_site.browser("operator").get(f"/identity/{review}").text
    page = Page(text)
    assert page.errors == [] and "another machine id" in text and "52:54:00:00:00:02" in text
    assert text.count('name="action" value=') == 4 and 'id="reason" name="reason"' in text
    assert 'name="action"' not in own_site.browser("viewer").get(f"/identity/{review}").text
    assert api.get("/identity/reviews?state=open&format=csv").text.startswith("id,kind,source")


def test_decide_and_undo_on_the_pages(own_site: Site) -> None:
    review = ask(own_site)
    browser = own_site.browser("operator")
    form = {"csrf": csrf_of(browser), "action": "clone", "reason": "seen in the rack"}
    assert browser.post(f"/identity/{review}/decide", data={**form, "reason": ""}).status_code == 422
    answer = browser.post(f"/identity/{review}/decide", data=form)
    assert answer.status_code == 303
    assert "It can be undone." in browser.get(answer.headers["location"]).text
    (done, *_) = own_site.api("viewer").get("/identity/decisions").json()["items"]
    assert (done["action"], done["reason"], done["actor"]) == ("clone", "seen in the rack", "operator")
    undone = browser.post(f"/identity/decisions/{done['id']}/undo", data={"csrf": form["csrf"], "reason": "no"})
    assert undone.status_code == 303
    assert own_site.api("viewer").get("/identity/reviews").json()["total"] == 1
    again = browser.post(f"/identity/decisions/{done['id']}/undo", data={"csrf": form["csrf"], "reason": "no"})
    assert again.status_code == 409 and "was undone by decision" in again.text


def test_merge_and_split_on_the_page_of_the_ci(own_site: Site) -> None:
    browser = own_site.browser("operator")
    form = {"csrf": csrf_of(browser), "reason": "one machine"}
    answer = browser.post("/cis/web2/merge", data={**form, "into": "web1"})
    assert answer.status_code == 303
    assert "It stands for" in browser.get(answer.headers["location"]).text
    assert "It was merged into" in browser.get("/cis/web2").text
    api = own_site.api("viewer")
    assert "web2" not in [ci["name"] for ci in api.get("/cis").json()["items"]]
    assert [ci["name"] for ci in api.get("/cis?merged=true").json()["items"]] == ["web2"]
    assert sorted(one["hostname"] for one in api.get("/cis/web1").json()["sources"]) == ["web1", "web2"]
    for path in ("/rfcs/1", "/drifts?state=all", "/cis/web2/history", "/cis/web2/facts"):
        assert browser.get(path).status_code == 200, path
    form["source"] = "source-web2"
    assert browser.post("/cis/web1/split", data={**form, "name": "web9"}).status_code == 303
    assert [one["hostname"] for one in api.get("/cis/web9").json()["sources"]] == ["web2"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/identity/reviews/1/decide", {"action": "clone", "reason": "x"}),
        ("/identity/decisions/1/undo", {"reason": "x"}),
        ("/identity/shared/forget", {"key": "x", "reason": "x"}),
        ("/cis/web2/merge", {"into": "web1", "reason": "x"}),
        ("/cis/web2/split", {"source": "web2", "reason": "x"}),
        ("/cis/web2/replace", {"serial": "x", "rfc": 1, "reason": "x"}),
    ],
)
def test_a_viewer_decides_nothing(site: Site, path: str, body: dict[str, object]) -> None:
    answer = site.api("viewer").post(path, json=body)
    assert answer.status_code == 403 and "operator or approver" in answer.json()["detail"]


def test_commands(own_site: Site, tmp_path: Path) -> None:
    run = stored(own_site, tmp_path / "profiles.toml")
    review = ask(own_site)
    assert "web1" in run("identity", "list").stdout
    assert "another machine id" in run("identity", "show", str(review)).stdout
    done = run("identity", "decide", "clone", str(review), "99", "--reason", "two", code=1)
    assert f"{review}: " in done.stdout and "there is no review 99" in done.stderr
    assert "seen in the rack" in run("identity", "decisions").stdout
    key = "uuid:03000200-0400-0500-0006-000700080009"
    assert "uuid:0300" in run("identity", "shared").stdout
    assert "counts again" in run("identity", "shared", "--forget", key, "--reason", "ours").stdout
    assert "every piece" in run("identity", "shared").stdout
    said = run("ci", "merge", "web2", "web1", "--reason", "one").stdout
    assert "CI web2 merged into web1" in said
    assert "web2 (" in run("ci", "show", "web1").stdout and "web2" in run("ci", "list", "--merged").stdout
    refused = run("ci", "replace", "web1", "--serial", "N1", "--rfc", "1", code=1).stderr
    assert "RFC 1 is submitted" in refused
    with own_site.database.read() as session:
        uid = session.exec(select(Source.uid).where(Source.hostname == "web2", Source.kind == "agent")).one()
    assert "split off web1" in run("ci", "split", "web1", "--source", uid, "--into", "db1", "--reason", "no").stdout
    assert "undone" in run("identity", "undo", "4", "--reason", "no").stdout
