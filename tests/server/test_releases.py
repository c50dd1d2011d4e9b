"""Releases, the production gate and its waivers over the REST API, the CLI and the pages."""

from pathlib import Path

from tests.server.conftest import Site, csrf_of
from tests.server.test_cli import stored
from tests.server.test_rfcs import ok, refused

from driftline_cmdb.releases import gate
from driftline_server.times import now_ms

CRITERIA = "- {path: 'software.packages[dpkg/openssl/amd64]', present: true}\n"


def findings(site: Site) -> dict[str, str]:
    found = ok(site.api("viewer").get("/findings?kind=production%20gate"))["items"]
    return {one["ci"]["name"]: one["message"] for one in found}


def test_a_release_over_the_api(own_site: Site) -> None:
    operator, approver, viewer = (own_site.api(name) for name in ("operator", "approver", "viewer"))
    assert viewer.post("/releases", json={"name": "r1"}).status_code == 403
    refused(operator.post("/releases", json={"name": "r1", "criteria": "- {path: x, is: 1}"}), 422, "names no facts")
    made = ok(operator.post("/releases", json={"name": "r1", "kind": "major", "planned": "2100-01-01T10:00Z"}), 201)
    assert (made["state"], made["kind"], made["planned"]) == ("planned", "major", "2100-01-01T10:00:00Z")
    assert ok(operator.patch("/releases/r1", json={"description": "x"}))["kind"] == "major"
    ok(operator.patch("/releases/r1", json={"criteria": CRITERIA}))
    ok(operator.post("/releases/r1/waves", json={"environment": "test", "selector": "ci: db1"}))
    ok(operator.post("/releases/r1/waves", json={"environment": "test", "selector": "ci: db1"}))
    assert ok(operator.delete("/releases/r1/waves/2"))["waves"] == 1
    refused(operator.delete("/releases/r1/waves/2"), 404, "has no wave 2")
    waits = ok(viewer.get("/releases/openssl-3"))["rfc_list"][0]["number"]
    refused(operator.post("/releases/r1/rfcs", json={"number": waits}), 409, "is part of release openssl-3 already")
    ok(operator.post("/releases/r1/waves/1/start", json={}))
    # db1 has not reported since
    checked = ok(operator.post("/releases/r1/check"))
    assert (checked["passed"], checked["reporting"], checked["cis"], checked["current"]) == (False, 0, 1, True)
    assert checked["results"][0]["named"] == [{"ci": "db1", "why": "no report since its wave began"}]
    refused(approver.post("/releases/r1/accept", json={}), 403, "its acceptance criteria do not hold")
    refused(operator.post("/releases/r1/accept", json={}), 403, "needs approver")
    assert [one["ci"]["name"] for one in ok(viewer.get("/releases/r1/snapshot"))["items"]] == ["db1"]
    assert ok(viewer.get("/releases/r1/snapshot/db1"))["differences"] == []
    assert ok(viewer.get("/releases/r1/reverse-plan")) == {"text": "", "drafted": True}
    ok(operator.patch("/releases/r1", json={"reverse_plan": "ask jane"}))
    assert ok(viewer.get("/releases/r1/reverse-plan")) == {"text": "ask jane", "drafted": False}
    refused(operator.post("/releases/r1/close", json={}), 409, '"close" is not possible')
    failed = ok(operator.post("/releases/r1/fail", json={"review": "no report"}))
    assert (failed["state"], failed["result"], failed["possible"]) == ("failed", "1 of 1 waves started", [])
    actions = [one["action"] for one in ok(viewer.get("/audit?action=release&limit=500"))["items"]]
    assert {"release.planned", "release.wave_started", "release.checked", "release.failed"} <= set(actions)


def test_who_enters_production(own_site: Site) -> None:
    operator, approver, admin = (own_site.api(name) for name in ("operator", "approver", "admin"))
    gate.look(own_site.database, now_ms())
    assert findings(own_site) == {}
    ok(operator.patch("/cis/old1", json={"status": "in production"}))
    assert "old1 is in production without an approved baseline" in findings(own_site)["old1"]
    finding = ok(operator.get("/findings?kind=production%20gate"))["items"][0]["id"]
    refused(operator.post(f"/findings/{finding}/close", json={"reason": "x"}), 403, "closes by itself")
    refused(operator.post("/waivers", json={"ci": "old1", "reason": "x"}), 422, "one of the two")
    refused(operator.post("/waivers", json={"ci": "old1", "reason": "x", "expires_in": "7d"}), 409, "has waiver 1")
    assert ok(approver.post("/waivers/1/approve"))["state"] == "approved"
    assert findings(own_site) == {}
    assert ok(operator.post("/waivers/1/end", json={"reason": "done"}))["state"] == "over"
    assert set(findings(own_site)) == {"old1"}
    second = ok(operator.post("/waivers", json={"ci": "old1", "reason": "x", "expires_in": "7d"}), 201)
    refused(operator.post(f"/waivers/{second['id']}/approve"), 403, "needs approver")
    ok(operator.patch("/cis/old1", json={"status": "installed"}))
    assert findings(own_site) == {}
    text = "environments: live\nbaseline: always\nrelease: never\n"
    refused(admin.put("/policies/gate", json={"document": "baseline: x"}), 422, "gate.yaml:1:1: policy: has no")
    proposed = ok(admin.put("/policies/gate", json={"document": text}))
    assert proposed["number"] is None and "production" in proposed["document"]
    refused(admin.post("/policies/gate/confirm", json={"number": 1}), 403, "admin wrote it")
    assert ok(approver.post("/policies/gate/confirm", json={"number": 1}))["document"] == text


def test_the_commands(own_site: Site, tmp_path: Path) -> None:
    run = stored(own_site, tmp_path / "profiles.toml")
    file = tmp_path / "criteria.yaml"
    file.write_text(CRITERIA)

    def operator(*words: str, code: int = 0) -> str:
        done = run("--profile", "operator", *words, code=code)
        return done.stdout + done.stderr

    out = operator("release", "create", "r1", "--type", "minor", "--criteria", str(file), "--promote", "golden",
                   "--to", "golden-prod", "--set", "environment=production", "--set", "ci=")  # fmt: skip
    assert out == "release r1 is planned: 0 RFCs, 0 waves\n"
    assert "is not NAME=VALUE" in operator("release", "create", "r2", "--promote", "golden", "--set", "x", code=2)
    assert "give --selector or --ci" in operator("release", "wave", "r1", "--environment", "test", code=2)
    operator("release", "wave", "r1", "--environment", "test", "--ci", "db1", "--name", "first")
    operator("release", "wave", "r1", "--environment", "production", "--selector", "environment: production")
    operator("release", "drop-wave", "r1", "2")
    operator("rfc", "plan", "swap", "--ci", "db1", "--expect", "os.sysctls[vm.swappiness].value is 10")
    number = str(max(one["number"] for one in ok(own_site.api("viewer").get("/rfcs?limit=100"))["items"]))
    assert operator("release", "add", "r1", number) == "release r1 is planned: 1 RFCs, 1 waves\n"
    assert "not authorised" in operator("release", "start", "r1", "1", code=1)
    operator("release", "remove", "r1", number)
    operator("release", "start", "r1", "1")
    out = operator("release", "check", "r1", code=1)
    assert "not passed" in out and "0 of 1 reporting" in out and "db1: no report since its wave began" in out
    assert operator("release", "criteria", "r1") == CRITERIA
    operator("release", "criteria", "r1", str(file))
    assert "golden to golden-prod" in operator("release", "show", "r1")
    assert "r1" in operator("release", "list", "--state", "in test")
    assert "db1" in operator("release", "snapshot", "r1")
    assert operator("release", "snapshot", "r1", "--ci", "db1") == "nothing differs\n"
    operator("release", "reverse-plan", "r1", "--file", str(file))
    assert operator("release", "reverse-plan", "r1") == CRITERIA
    assert operator("release", "reverse-plan", "r1", "--draft").strip() == ""
    operator("release", "end", "r1", "1")
    assert "criteria do not hold" in run("--profile", "approver", "release", "accept", "r1", code=1).stderr
    assert operator("release", "fail", "r1", "--review", "x") == "release r1 is failed: 0 RFCs, 1 waves\n"
    operator("release", "cancel", "autumn")
    assert "RFC" in operator("release", "close", "openssl-3", code=1)
    assert "until" in operator("waiver", "add", "db1", "--reason", "why", "--for", "7d")
    assert "give --for or --until" in operator("waiver", "add", "db1", "--reason", "why", code=2)
    assert "db1" in operator("waiver", "list", "--state", "requested")
    run("--profile", "approver", "waiver", "approve", "2")
    operator("waiver", "end", "2", "--reason", "over")
    assert "as shipped" in operator("policy", "show", "gate")
    assert "there are approval and gate" in operator("policy", "show", "other", code=2)


def test_the_pages(own_site: Site) -> None:
    operator, approver = own_site.browser("operator"), own_site.browser("approver")
    token, other = csrf_of(operator), csrf_of(approver)

    def post(path: str, status: int = 303, **data: str) -> str:
        answer = operator.post(path, data={"csrf": token, **data})
        assert answer.status_code == status, answer.text
        return answer.text

    post("/releases", name="r1", kind="minor", planned="2099-01-01T00:00", criteria=CRITERIA.replace("\n", "\r\n"))
    post("/releases/r1/waves", environment="test", selector="ci: db1")
    post("/releases/r1/waves", environment="test", selector="ci: web1")
    post("/releases/r1/waves/2/start", 403)
    post("/releases/r1/waves/2/remove")
    post("/releases/r1/waves/1/start")
    post("/releases/r1/check")
    post("/releases/r1/waves/1/end")
    post("/releases/r1/edit", field="reverse_plan", text="ask jane")
    text = operator.get("/releases/r1").text
    assert "Not passed" in text and "no report since its wave began" in text and "ask jane" in text
    assert approver.post("/releases/r1/accept", data={"csrf": other}).status_code == 403
    number = str(ok(own_site.api("viewer").get("/releases/openssl-3"))["rfc_list"][0]["number"])
    post("/releases/openssl-3/rfcs/remove", 409, number=number)
    post("/releases/r1/rfcs", 409, number=number)
    post("/releases/r1/close", how="fail", review="no report")
    assert "1 of 1 waves started" in operator.get("/releases/r1").text
    assert "Nothing differs" in operator.get("/releases/r1/snapshot/db1").text
    post("/waivers", ci="db1", reason="a test", expires_in="7d")
    assert approver.post("/waivers/approve", data={"csrf": other, "number": "2"}).status_code == 303
    post("/waivers/end", number="2")
    admin = own_site.browser("admin")
    document = "environments: live\r\nbaseline: never\r\nrelease: never\r\n"
    data = {"csrf": csrf_of(admin), "document": document}
    assert admin.post("/waivers/policy", data=data).status_code == 303
    assert approver.post("/waivers/policy/confirm", data={"csrf": other, "number": "1"}).status_code == 303
    assert "environments: live" in approver.get("/waivers").text
