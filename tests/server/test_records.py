"""Audit export, verification of the record, and findings, over the API and the CLI."""

import json
from base64 import b64decode
from pathlib import Path

from sqlmodel import delete
from tests.server.conftest import Site, csrf_of
from tests.server.test_cli import Run, own_cli

from driftline_cmdb.audit.signing import PublicKey
from driftline_cmdb.audit.verify import verify
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Finding

__all__ = ["own_cli"]  # a fixture


def test_the_export_is_good_and_begins_where_it_is_asked_to(site: Site) -> None:
    api = site.api("viewer")
    (key,) = api.get("/audit/keys").json()["items"]
    trusted = PublicKey(b64decode(key["public_key"]))
    answer = api.get("/audit/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    verdict = verify(answer.text.splitlines(), {trusted.id: trusted})
    assert verdict.problems == [] and verdict.heads[-1].position == key["signed_position"] == verdict.last
    listed = api.get("/audit", params={"limit": 10_000}).json()
    assert verdict.entries == listed["total"]
    middle = sorted(listed["items"], key=lambda row: row["position"])[verdict.entries // 2]
    part = verify(api.get("/audit/export", params={"since": middle["at"]}).text.splitlines(), None, verdict)
    assert part.good and 1 < part.first <= middle["position"] and part.last == verdict.last
    assert api.get("/audit/export", params={"since": "yesterday"}).status_code == 422


def test_an_export_by_the_cli_is_verified_by_the_cli(own_site: Site, own_cli: Run, tmp_path: Path) -> None:
    file, keys = tmp_path / "audit.jsonl", tmp_path / "keys.json"
    own_cli("--profile", "viewer", "audit", "export", "-o", str(file))
    keys.write_text(own_cli("audit", "keys", "--json").stdout)
    shown = own_cli("audit", "verify", str(file), "--key", str(keys), "--head", str(file)).stdout
    assert "good: positions 1 to " in shown and "continues the older file" in shown
    with own_site.database.write() as session:
        session.exec(delete(AuditEntry).where(AuditEntry.position == 3))  # type: ignore[arg-type]  # a comparison
    assert own_cli("audit", "export", "-o", "-").stdout.count('"position":3,') == 0
    own_cli("audit", "export", "-o", str(tmp_path / "new.jsonl"))
    bad = own_cli("audit", "verify", str(tmp_path / "new.jsonl"), "--key", str(keys), code=1)
    assert "position 3 is missing" in bad.stdout
    assert "is not ID=BASE64" in own_cli("audit", "verify", str(file), "--keys", "x", code=2).stderr
    own_cli("audit", "export", "-o", str(file), "--since", "yesterday", code=1)
    assert "good" in own_cli("audit", "verify", str(file)).stdout, "a failed export leaves the file alone"


def test_a_verification_is_asked_for_and_waits_for_a_collector(own_site: Site, own_cli: Run) -> None:
    assert own_site.api("viewer").post("/integrity/runs").status_code == 403
    assert "is asked" in own_cli("--profile", "operator", "integrity", "run").stdout
    first = own_site.api("operator").post("/integrity/runs")
    assert first.status_code == 202 and first.json()["state"] == "asked" and first.json()["cis"] is None
    assert own_site.api("admin").get("/integrity/runs").json()["total"] == 2
    browser = own_site.browser("operator")
    answer = browser.post("/integrity", data={"csrf": csrf_of(browser)})
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"/integrity/runs/{first.json()['id']}?")
    assert "waits for a collector" in browser.get(answer.headers["location"]).text
    assert own_site.api("viewer").get("/integrity/runs/99").status_code == 404


def test_a_ci_is_attested(own_site: Site, own_cli: Run) -> None:
    assert "db1 is attested by operator" in own_cli(
        "--profile", "operator", "ci", "attest", "db1", "--note", "label read"
    ).stdout  # fmt: skip
    assert own_site.api("viewer").post("/cis/db1/attest", json={"note": "x"}).status_code == 403
    rows = own_site.api("viewer").get("/attestations", params={"sort": "-at"}).json()["items"]
    assert [row["actor"] for row in rows] == ["operator", "operator", None, None]
    assert {row["ci"] for row in rows[:2]} == {"db1", "web1"}
    browser = own_site.browser("operator")
    assert browser.post("/cis/web2/attest", data={"csrf": csrf_of(browser), "note": "seen"}).status_code == 303
    assert own_site.api("viewer").get("/attestations", params={"q": "web2"}).json()["items"][0]["note"] == "seen"


def test_findings_are_acknowledged_and_closed(own_site: Site, own_cli: Run) -> None:
    with own_site.database.write() as session:
        row = Finding(kind="clone", key="clone:x", message="two of x", opened_ms=1)
        session.add(row)
        session.flush()
        clone = row.id
    api = own_site.api("operator")
    (silent,) = api.get("/findings", params={"kind": "silent", "ci": "old1"}).json()["items"]
    assert own_site.api("viewer").post(f"/findings/{clone}/close", json={"reason": "x"}).status_code == 403
    refused = own_cli("--profile", "operator", "finding", "close", str(silent["id"]), "--reason", "x", code=1)
    assert "acknowledge it instead" in refused.stderr
    shown = own_cli("--profile", "operator", "finding", "acknowledge", str(silent["id"]), "--reason", "being moved")
    assert "being moved" in shown.stdout
    assert "the copy is gone" in own_cli("finding", "close", str(clone), "--reason", "the copy is gone").stdout
    by_state = {
        state: [
            row["id"] for row in api.get("/findings", params={"state": state, "kind": kind, "q": text}).json()["items"]
        ]
        for state, kind, text in (
            ("acknowledged", "silent", "old1"),
            ("new", "silent", "old1"),
            ("closed", "clone", "TWO"),
            ("open", "clone", "two"),
        )
    }
    assert by_state == {"acknowledged": [silent["id"]], "new": [], "closed": [clone], "open": []}
    assert api.get("/findings", params={"state": "lost"}).status_code == 422
    assert json.loads(own_cli("finding", "list", "--ci", "old1", "--json").stdout)[0]["acknowledged_by"] == "operator"


def test_a_page_closes_a_finding(own_site: Site) -> None:
    with own_site.database.write() as session:
        row = Finding(kind="clone", key="clone:x", message="two of x", opened_ms=1)
        session.add(row)
        session.flush()
        clone = row.id
    browser = own_site.browser("operator")
    csrf = csrf_of(browser, f"/findings/{clone}")
    assert browser.post(f"/findings/{clone}/acknowledge", data={"csrf": csrf, "reason": "seen"}).status_code == 303
    assert browser.post(f"/findings/{clone}/close", data={"csrf": csrf, "reason": "gone"}).status_code == 303
    page = browser.get(f"/findings/{clone}").text
    assert "seen" in page and "gone" in page and 'name="reason"' not in page
