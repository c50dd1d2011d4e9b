"""Planned changes over the REST API, the CLI and the pages."""

from pathlib import Path
from typing import Any

import httpx
from tests.server.conftest import Site, csrf_of
from tests.server.test_cli import stored

from driftline_cmdb.rfcs.backing_out import verify_back_outs
from driftline_server.times import now_ms

PATH = "software.packages[dpkg/openssl/amd64].version"
PLAN = {
    "title": "OpenSSL",
    "predictions": [{"ci": "web1", "path": PATH, "kind": "at_least", "operand": "3.0.14"}],
    "start": "2100-01-01T10:00Z",
    "end": "2100-01-01T11:00Z",
}
POLICY = """\
rules:
  - when: {environment: production}
    approvers: 2
  - approvers: 1
external:
  snow: [admin]
"""


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status and words in answer.json()["detail"], answer.text


def seen(site: Site, number: int) -> dict[str, str]:
    return {"scope": site.api("viewer").get(f"/rfcs/{number}").json()["scope"]}


def test_a_drafts_way(own_site: Site) -> None:
    operator, admin, approver = (own_site.api(name) for name in ("operator", "admin", "approver"))
    refused(operator.post("/rfcs", json={"title": "x"}), 422, "at least one predicted change")
    draft = ok(operator.post("/rfcs", json={"title": "x", "draft": True}), 201)
    number = draft["number"]
    assert draft["state"] == "draft" and "submit" in draft["possible"] and draft["needs"]["approvers"] == 1
    refused(operator.post(f"/rfcs/{number}/submit"), 422, "at least one predicted change")
    refused(admin.patch(f"/rfcs/{number}", json={"title": "y"}), 403, "only operator, who requested it, edits it")
    edited = ok(operator.patch(f"/rfcs/{number}", json={**PLAN, "risk_level": "high", "reason": "CVE"}))
    assert (edited["title"], edited["risk_level"], len(edited["deltas"])) == ("OpenSSL", "high", 1)
    assert ok(operator.patch(f"/rfcs/{number}", json={"reason": None, "end": None}))["reason"] == "CVE"
    assert ok(operator.post(f"/rfcs/{number}/submit"))["state"] == "submitted"
    refused(operator.patch(f"/rfcs/{number}", json={"title": "y"}), 409, 'is submitted: "edit" is not possible')
    refused(operator.post(f"/rfcs/{number}/assess", json={}), 403, "somebody else has to assess it")
    refused(approver.post(f"/rfcs/{number}/authorise", json=seen(own_site, number)), 403, "an assessment first")
    assert ok(approver.post(f"/rfcs/{number}/assess", json={"risk": "none seen"}))["risk"] == "none seen"
    half = ok(approver.post(f"/rfcs/{number}/authorise", json=seen(own_site, number)))
    assert (half["state"], half["approved"], half["needs"]["approvers"]) == ("assessed", 1, 2)
    refused(approver.post(f"/rfcs/{number}/authorise", json=seen(own_site, number)), 403, "nobody approves twice")
    whole = ok(admin.post(f"/rfcs/{number}/authorise", json=seen(own_site, number)))
    assert (whole["state"], whole["approved"]) == ("scheduled", 2)
    moved = {"start": "2100-01-02T10:00Z", "end": "2100-01-02T11:00Z"}
    assert ok(operator.post(f"/rfcs/{number}/schedule", json=moved))["planned_start"] == "2100-01-02T10:00:00Z"
    ok(approver.post(f"/rfcs/{number}/comments", json={"text": "well done"}), 201)
    refused(operator.post(f"/rfcs/{number}/links", json={"kind": "url", "target": "javascript:x"}), 422, "https://")
    refused(operator.post(f"/rfcs/{number}/links", json={"kind": "rfc", "target": "99"}), 404, "no RFC 99")
    ok(operator.post(f"/rfcs/{number}/links", json={"kind": "incident", "target": "INC1"}), 201)
    assert ok(operator.post(f"/rfcs/{number}/start", json={}))["implementer"] == "operator"
    back = {"review": "the shop was slow"}
    ordered = ok(operator.post(f"/rfcs/{number}/back-out", json=back))
    assert (ordered["state"], ordered["ordered"], ordered["outcome"]) == ("implementing", "back out", None)
    refused(operator.post(f"/rfcs/{number}/back-out", json=back), 409, "ordered to be backed out already")
    assert verify_back_outs(own_site.database, now_ms()) == 1
    assert ok(operator.get(f"/rfcs/{number}"))["outcome"] == "the state before is back, verified"
    reopened = ok(operator.post(f"/rfcs/{number}/reopen", json={"comment": "again"}))
    assert (reopened["state"], reopened["approved"], reopened["deltas"][0]["state"]) == ("submitted", 0, "proposed")
    history = ok(operator.get(f"/rfcs/{number}/history"))["items"]
    assert [one["at"] for one in history] == sorted(one["at"] for one in history)
    assert {one["kind"] for one in history} == {"decision", "approval", "comment", "link"}
    assert ok(approver.post(f"/rfcs/{number}/reject", json={"comment": "no"}))["state"] == "rejected"


def test_another_system_is_the_master(own_site: Site) -> None:
    admin, chief, operator = (own_site.api(name) for name in ("admin", "chief", "operator"))
    change = {**PLAN, "external_system": "snow", "external_id": "CHG1", "requester": "jane"}
    refused(operator.post("/rfcs", json={**PLAN, "external_id": "CHG1"}), 422, "name both, or none")
    refused(operator.post("/rfcs", json={**PLAN, "requester": "jane"}), 422, "you are the requester of your own")
    refused(admin.post("/rfcs", json=change), 403, "under external.snow")
    ok(chief.put("/policies/approval", json={"document": POLICY}))
    refused(chief.post("/policies/approval/confirm", json={"number": 1}), 403, "chief wrote it")
    assert ok(admin.post("/policies/approval/confirm", json={"number": 1}))["number"] == 1
    refused(operator.post("/rfcs", json=change), 403, "operator may not act on behalf of people in snow")
    number = ok(admin.post("/rfcs", json=change), 201)["number"]
    again = ok(admin.post("/rfcs", json=change), 200)
    assert (again["number"], again["requester"], len(again["decisions"])) == (number, "jane", 1)

    def approve(person: str) -> httpx.Response:
        return admin.post(f"/rfcs/{number}/authorise", json={**seen(own_site, number), "on_behalf_of": person})

    refused(approve("jane"), 403, "jane requested it")
    assert ok(approve("bob"))["approved"] == 1
    updated = ok(admin.post("/rfcs", json={**change, "title": "OpenSSL again"}))
    assert (updated["number"], updated["title"], updated["approved"]) == (number, "OpenSSL again", 0)
    assert ok(approve("bob"))["state"] == "submitted"
    done = ok(approve("carol"))
    assert done["state"] == "scheduled"
    assert {(one["person"], one["account"]) for one in done["approvals"] if one["counts"]} == {
        ("bob", "admin"),
        ("carol", "admin"),
    }
    ok(admin.post("/rfcs", json={**change, "title": "OpenSSL again"}), 200)
    refused(admin.post("/rfcs", json=change), 409, "it can be changed only before it is authorised")
    plain = ok(operator.post("/rfcs", json={**PLAN, "start": "2100-02-01T10:00Z", "end": "2100-02-01T11:00Z"}), 201)
    body = {**seen(own_site, plain["number"]), "on_behalf_of": "bob"}
    refused(admin.post(f"/rfcs/{plain['number']}/authorise", json=body), 403, "approve it in your own name")


def test_freezes_and_standard_changes(own_site: Site, tmp_path: Path) -> None:
    run = stored(own_site, tmp_path / "profiles.toml")
    web = ("--selector", "labels: {role: web}", "--start", "2100-01-01T00:00Z", "--end", "2100-01-02T00:00Z")
    assert "freeze new-year is coming" in run("freeze", "add", "new-year", *web, "--reason", "holidays").stdout
    assert "there is or was a freeze" in run("freeze", "add", "new-year", *web, "--reason", "x", code=1).stderr
    window = ("--start", "2100-01-01T10:00Z", "--end", "2100-01-01T11:00Z")
    use = ("--profile", "operator", "rfc", "from-template", "openssl", "--ci", "web1", "--set", "version=3.0.14")
    stopped = run(*use, *window, code=1).stderr
    assert "web1 is frozen by new-year (holidays)" in stopped and "--despite-freeze" not in stopped
    made = run(*use, "--start", "2100-01-03T10:00Z", "--end", "2100-01-03T11:00Z").stdout
    assert "RFC 7 (OpenSSL 3.0.14 on web1) is scheduled" in made
    assert "approver" in run("rfc", "show", "7").stdout
    expect = ("--expect", "os.sysctls[vm.swappiness].value is 10")
    run("--profile", "operator", "rfc", "plan", "swap", "--ci", "web1", *expect, *window)
    assert "--despite-freeze" in run("--profile", "approver", "rfc", "authorise", "8", "--yes", code=1).stderr
    because = ("--despite-freeze", "it swaps")
    shown = run("--profile", "approver", "rfc", "authorise", "8", "--yes", *because).stdout
    assert "conflict: web1 is frozen by new-year" in shown and "RFC 8 is scheduled" in shown
    assert "needs approver" in run("--profile", "operator", "freeze", "end", "new-year", code=1).stderr
    assert "is over" in run("--profile", "approver", "freeze", "end", "new-year").stdout
    assert "over already" in run("--profile", "approver", "freeze", "end", "new-year", code=1).stderr
    template = tmp_path / "t.yaml"
    template.write_text("title: '{x}'\nexpect: [a]")
    assert "openssl.yaml:1:8" in run("template", "write", "openssl", str(template), code=1).stderr
    assert "openssl v1 is retired" in run("--profile", "approver", "template", "retire", "openssl").stdout
    assert 'no template "openssl" that is in force' in run(*use, code=1).stderr


def test_a_plan_on_the_pages(own_site: Site) -> None:
    operator, approver = own_site.browser("operator"), own_site.browser("approver")
    form = {
        "csrf": csrf_of(operator),
        "title": "less swap",
        "cis": "web1, web2",
        "predictions": "os.sysctls[vm.swappiness].value is 10\r\n",
        "start": "2100-03-01T10:00",
        "end": "2100-03-01T11:00",
    }
    assert operator.post("/rfcs/new", data={**form, "predictions": ""}).status_code == 422
    where = operator.post("/rfcs/new", data=form).headers["location"].partition("?")[0]
    assert "os.sysctls[vm.swappiness].value" in operator.get(where).text
    assert operator.post(f"{where}/edit", data={**form, "title": "no swap", "cis": "", "predictions": ""}).is_redirect
    assert operator.post(f"{where}/submit", data=form).is_redirect
    text = approver.get(where).text
    assert "no swap" in text and "0 of 1 approval." in text
    scope = own_site.api("viewer").get(where).json()["scope"]
    csrf = {"csrf": csrf_of(approver)}
    answer = approver.post(f"{where}/authorise", data={**csrf, "scope": scope})
    assert "Authorised." in approver.get(answer.headers["location"]).text
    later = {**csrf, "start": "2100-03-02T10:00", "end": "2100-03-02T11:00"}
    assert approver.post(f"{where}/schedule", data=later).status_code == 403
    assert operator.post(f"{where}/schedule", data={**later, **form, "start": "2100-03-01T09:00"}).is_redirect
    assert operator.post(f"{where}/start", data=form).is_redirect
    assert approver.post(f"{where}/comments", data={**csrf, "text": "fine"}).is_redirect
    closed = operator.post(f"{where}/close", data={**form, "outcome": "failed", "review": "no disk"})
    assert "Closed." in operator.get(closed.headers["location"]).text


def test_the_policy_on_its_page(own_site: Site) -> None:
    chief, approver = own_site.browser("chief"), own_site.browser("approver")
    csrf = {"csrf": csrf_of(chief)}
    bad = chief.post("/changes/policy", data={**csrf, "document": "rules: [{approvers: 3}]"})
    assert bad.status_code == 422 and "policy.yaml:1:21" in bad.text
    assert chief.post("/changes/policy", data={**csrf, "document": POLICY.replace("\n", "\r\n")}).is_redirect
    assert chief.post("/changes/policy/confirm", data={**csrf, "number": 1}).status_code == 403
    assert approver.post("/changes/policy/confirm", data={"csrf": csrf_of(approver), "number": 1}).is_redirect
    assert "Approval policy v1" in approver.get("/changes").text


def test_who_was_there_is_told_and_named_nowhere_else(site: Site) -> None:
    viewer = site.api("viewer")
    (number,) = {
        row["rfc"] for row in viewer.get("/drifts", params={"match": "os.sysctls[net.ipv4.ip_forward]"}).json()["items"]
    }
    rfc = ok(viewer.get(f"/rfcs/{number}"))
    (present,) = rfc["present"]
    assert (present["ci"]["name"], present["kind"], present["who"], present["alone"]) == ("db1", "sudo", "jane", True)
    assert rfc["evidence"] == [] and "jane" not in rfc["cause"] + rfc["description"]
    page = site.browser("viewer").get(f"/rfcs/{number}").text
    assert "Who was there" in page and "sysctl -w" in page and "not who did it" in page
