"""Statuses as people see and set them, and decisions on the end of a CI's life: over REST, in the CLI, on the page."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select
from tests.server.conftest import Site, csrf_of, serve, settings_of
from tests.server.test_cli import stored

from driftline_cmdb.drift.silence import find_silence
from driftline_cmdb.tables.sources import Certificate, Source
from driftline_server.times import now_ms


@pytest.fixture
def site(seeded: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Site]:
    """A server of the test's own, whose record is looked through for silence: web1 is heard, the others are silent."""
    path, tokens = seeded
    shutil.copy(path, tmp_path / "driftline.db")
    with serve(settings_of(f"sqlite:///{tmp_path / 'driftline.db'}", tmp_path), tokens) as running:
        with running.database.write() as session:
            for source in session.exec(select(Source).where(col(Source.seen_ms).is_not(None))):
                ago = 0 if source.uid == "source-web1" else 3_600_000
                source.seen_ms = now_ms() - ago
                session.add(source)
        find_silence(running.database, now_ms(), 900_000)
        yield running


@pytest.fixture
def operator(site: Site) -> httpx.Client:
    return site.api("operator")


def names(client: httpx.Client, **query: object) -> set[str]:
    answer = client.get("/cis", params=query)  # type: ignore[arg-type]  # plain values
    assert answer.status_code == 200, answer.text
    return {one["name"] for one in answer.json()["items"]}


def test_silent_is_shown_over_what_people_set(operator: httpx.Client) -> None:
    found = {one["name"]: one for one in operator.get("/cis").json()["items"]}
    web1, db1 = found["web1"], found["db1"]
    assert web1["status"] == web1["life_cycle"] != "silent"
    assert db1["status"] == "silent" and db1["life_cycle"] in ("installed", "in production")
    silent = names(operator, status="silent")
    assert "db1" in silent and "web1" not in silent
    assert names(operator, status=web1["status"]).isdisjoint(silent)
    assert names(operator, status=web1["status"]) >= {"web1"}
    ordered = [one["status"] for one in operator.get("/cis", params={"sort": "status"}).json()["items"]]
    assert ordered == sorted(ordered)
    assert "silent" in operator.get("/cis", params={"format": "csv"}).text
    detail = operator.get("/cis/db1").json()
    assert (detail["status"], detail["life_cycle"]) == ("silent", db1["life_cycle"])
    attested = {one["ci"]: one["status"] for one in operator.get("/attestations").json()["items"]}
    assert (attested["db1"], attested["web1"]) == ("silent", web1["status"])


def test_why_it_is_silent_is_on_its_page_and_in_the_finding(site: Site, operator: httpx.Client) -> None:
    found = operator.get("/findings", params={"kind": "silent"}).json()["items"]
    causes = {one["detail"]["cause"]["kind"] for one in found if "cause" in one["detail"]}
    assert causes and causes <= {"host down or network", "network", "host down", "agent", "certificate"}
    page = site.browser("operator").get("/cis/db1").text
    assert any(f"{kind}: " in page for kind in causes)
    assert "baselines go by that" in page


def test_an_edit_says_what_may_follow(operator: httpx.Client, site: Site) -> None:
    for status, words in (
        ("silent", "nobody sets silent"),
        ("retired", "driftline ci retire web1"),
        ("planned", "cannot follow that"),
        ("lost", "not one of planned"),
    ):
        answer = operator.patch("/cis/web1", json={"status": status})
        assert answer.status_code == 422 and words in answer.json()["detail"], answer.text
    assert operator.patch("/cis/web1", json={"status": "in maintenance"}).json()["life_cycle"] == "in maintenance"
    form = site.browser("operator").get("/cis/web1/edit").text
    assert "<option selected>in maintenance</option>" in form
    assert "<option>in stock</option>" in form and "<option>retired</option>" not in form
    made = operator.post("/cis", json={"name": "x", "status": "retired"})
    assert made.status_code == 422


def test_retire_reinstate_dispose(operator: httpx.Client, site: Site) -> None:
    before = operator.get("/cis/web2").json()["life_cycle"]
    assert operator.get("/cis/web2").json()["open_drifts"] > 0
    assert operator.post("/cis/web2/retire", json={"reason": ""}).status_code == 422
    gone = operator.post("/cis/web2/retire", json={"reason": "scrapped"}).json()
    assert (gone["status"], gone["open_drifts"]) == ("retired", 0)
    ended = gone["ended_by"]
    assert (ended["actor"], ended["reason"], ended["before"]) == ("operator", "scrapped", before)
    assert operator.post("/cis/web2/retire", json={"reason": "again"}).status_code == 409
    assert "web2" in names(operator, status="retired")
    assert operator.patch("/cis/web2", json={"status": "installed"}).status_code == 422
    assert operator.patch("/cis/web2", json={"owner": "the museum"}).status_code == 200
    back = operator.post("/cis/web2/reinstate", json={"reason": "needed after all"}).json()
    assert (back["life_cycle"], back["ended_by"]) == (before, None)
    assert operator.post("/cis/web2/dispose", json={"reason": "sold"}).status_code == 403
    admin = site.api("admin")
    assert "retire it first" in admin.post("/cis/web2/dispose", json={"reason": "sold"}).json()["detail"]
    with site.database.write() as session:
        source = session.exec(select(Source).where(Source.uid == "source-web2")).one()
        session.add(
            Certificate(serial="ee", source_id=source.id, not_before_ms=0, not_after_ms=now_ms() + 9999, issued_ms=0)
        )
    operator.post("/cis/web2/retire", json={"reason": "sold"})
    assert admin.post("/cis/web2/dispose", json={"reason": "sold"}).json()["status"] == "disposed"
    with site.database.read() as session:
        assert session.get_one(Certificate, "ee").revoked_ms is not None
    actions = [one["action"] for one in operator.get("/audit", params={"action": "ci"}).json()["items"]]
    assert {"ci.retired", "ci.reinstated", "ci.disposed"} <= set(actions)


def test_who_others_depend_on(operator: httpx.Client) -> None:
    answer = operator.post("/cis/db1/retire", json={"reason": "old"})
    assert answer.status_code == 409
    assert "web1, web2 depend on db1" in answer.json()["detail"] and "--even-so" in answer.json()["detail"]
    assert operator.post("/cis/db1/retire", json={"reason": "old", "even_so": True}).json()["status"] == "retired"


def test_buttons_on_the_page(site: Site) -> None:
    assert "Retire it" not in site.browser("viewer").get("/cis/db1").text
    browser = site.browser("operator")
    assert "Retire it" in browser.get("/cis/db1").text
    form = {"csrf": csrf_of(browser), "reason": "old"}
    assert browser.post("/cis/db1/retire", data=form).status_code == 409
    answer = browser.post("/cis/db1/retire", data={**form, "even_so": "1"})
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    assert "Nothing is expected of it any more" in page and "Bring it back" in page and "Retire it" not in page
    assert "gone for good" not in page
    assert "It is gone for good" in site.browser("admin").get("/cis/db1").text
    assert browser.post("/cis/db1/reinstate", data=form).status_code == 303
    admin = site.browser("admin")
    again = {"csrf": csrf_of(admin), "reason": "old"}
    assert admin.post("/cis/db1/dispose", data=again).status_code == 409


def test_commands(site: Site, tmp_path: Path) -> None:
    run = stored(site, tmp_path / "profiles.toml")
    assert "db1" in run("ci", "list", "--status", "silent").stdout
    shown = run("ci", "show", "db1").stdout
    assert "silent" in shown and "set to" in shown
    refused = run("--profile", "operator", "ci", "retire", "db1", "--reason", "old", code=1)
    assert "--even-so" in refused.stderr
    retired = run("--profile", "operator", "ci", "retire", "db1", "--reason", "old", "--even-so")
    assert retired.stdout.startswith("db1 is retired")
    assert "operator, " in run("ci", "show", "db1").stdout
    back = run("--profile", "operator", "ci", "reinstate", "db1", "--reason", "needed", "--json")
    assert '"ended_by": null' in back.stdout
    run("--profile", "operator", "ci", "retire", "db1", "--reason", "old", "--even-so")
    assert "certificates are revoked" in run("ci", "dispose", "db1", "--reason", "sold").stdout
