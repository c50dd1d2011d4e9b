"""Standing rules and origins over the REST API, the CLI and the pages."""

import json
from pathlib import Path

import pytest
from tests.server.conftest import Site, csrf_of
from tests.server.seed import RULE
from tests.server.test_cli import stored
from tests.server.test_rfcs import ok, refused

#: From Debian itself; see the README beside it.
INDEX = Path(__file__).parents[1] / "fixtures" / "debian" / "Packages"
#: What RFC 1 found on two hosts.
DOCUMENT = """\
name: trains
reason: everybody likes them
selector: {environment: production}
hours: {days: [mon, tue, wed, thu, fri, sat, sun], zone: Europe/Zurich}
allow:
  - {path: "software.packages[dpkg/sl/*]", present: true, origin: debian}
expires: 2090-01-01
"""


def test_a_rules_way(own_site: Site) -> None:
    viewer, operator, admin, approver = (own_site.api(name) for name in ("viewer", "operator", "admin", "approver"))
    refused(viewer.post("/rules", json={"document": DOCUMENT}), 403, "operator")
    # nobody publishes it yet
    refused(admin.post("/rules", json={"document": DOCUMENT}), 422, 'nothing is known of "debian"; load its index')
    refused(operator.get("/rules/trains"), 404, "trains")
    loaded = ok(operator.put("/origins/debian", content=INDEX.read_bytes()))
    assert loaded == {"origin": "debian", "new": 5}
    draft = ok(admin.post("/rules", json={"document": DOCUMENT}), 201)
    assert (draft["name"], draft["number"], draft["state"], draft["replay"]) == ("trains", 1, "draft", None)
    refused(operator.post("/rules", json={"document": DOCUMENT}), 409, "trains v1 is still a draft")
    replayed = ok(operator.post("/rules/trains/replay", json={"days": 30}))["replay"]
    assert (replayed["looked_at"], replayed["hidden"], replayed["bad"]) == (5, 2, [])
    ok(operator.post("/rfcs/1/revert", json={"comment": "no trains here"}))
    replayed = ok(operator.post("/rules/trains/replay", json={}))["replay"]
    assert replayed["text"] == "last 90 days: hides 2 of 5 drifts, 2 of them later confirmed bad"
    refused(operator.post("/rules/trains/approve"), 403, "approver")
    refused(admin.post("/rules/trains/approve"), 403, "admin is its author, and may not approve it")
    approved = ok(approver.post("/rules/trains/approve"))
    assert (approved["state"], approved["approved_by"]) == ("in force", "approver")
    refused(approver.post("/rules/trains/approve"), 409, "trains v1 is in force: only a draft can be approved")
    entries = ok(admin.get("/audit", params={"action": "rule.approved"}))["items"]
    assert next(one for one in entries if one["subject"] == "rule trains v1")["detail"]["replay"]["hidden"] == 2


def test_versions(own_site: Site) -> None:
    operator, approver = own_site.api("operator"), own_site.api("approver")
    assert ok(operator.post("/rules", json={"document": RULE}), 201)["number"] == 2
    # what is drafted goes first: the version in force stays
    dropped = ok(approver.post("/rules/security/retire"))
    assert (dropped["number"], dropped["state"]) == (2, "retired")
    assert ok(operator.get("/rules/security", params={"version": 1}))["state"] == "in force"
    ok(operator.post("/rules", json={"document": RULE}), 201)
    ok(approver.post("/rules/security/approve"))
    found = ok(operator.get("/rules/security"))["versions"]
    assert [(one["number"], one["state"]) for one in found] == [(3, "in force"), (2, "retired"), (1, "superseded")]
    assert ok(approver.post("/rules/security/retire"))["state"] == "retired"
    refused(approver.post("/rules/security/retire"), 409, "security v3 is retired already")
    listed = ok(operator.get("/rules", params={"q": "SEC", "state": "retired", "sort": "-created"}))["items"]
    assert [one["number"] for one in listed] == [3, 2]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("name: trains\n", "", "rule:1:1: rule: has no name"),
        ("trains", "[trains", "rule:"),
        ("reason: everybody likes them", "colour: red", 'rule:2:1: rule: "colour" is not known here'),
        ("environment: production", "colour: red", 'rule:3:12: selector: "colour" is not known here'),
        ("mon, tue", "moon", 'rule:4:15: hours.days: "moon" is not one of mon'),
        ("Europe/Zurich", "Zurich", 'rule:4:58: hours.zone: "Zurich" is no time zone'),
        (", origin: debian", "", "rule:6:5: allow[0]: present of packages needs an origin"),
        (
            "present: true",
            "upgrade: true",
            'rule:6:5: allow[0]: "software.packages[dpkg/sl/*]" is an element; upgrade needs one',
        ),
        ("present: true", "present: false", "rule:6:53: allow[0].present: False makes no sense"),
        ("present: true, ", "", "rule:6:5: allow[0]: must have exactly one of"),
        ("software.packages[dpkg/sl/*]", "software.**", "rule:6:5: allow[0]: "),
        ("2090-01-01", "soon", "rule:7:10: expires: 'soon' is not a date; write one as 2027-06-30"),
        ("2090-01-01", "2020-01-01", "rule trains: expires: is past"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(site: Site, before: str, after: str, words: str) -> None:
    assert before in DOCUMENT
    document = DOCUMENT.replace(before, after)
    refused(site.api("operator").post("/rules", json={"document": document}), 422, words)


def test_never_again(own_site: Site) -> None:
    viewer, operator = own_site.api("viewer"), own_site.api("operator")
    wanted = {"name": "trains", "reason": "they are fine"}
    refused(viewer.post("/rfcs/1/never-again", json=wanted), 403, "operator")
    refused(operator.post("/rfcs/99/never-again", json=wanted), 404, "99")
    refused(operator.post("/rfcs/5/never-again", json=wanted), 422, "RFC 5 found nothing changed")
    text = ok(operator.post("/rfcs/1/never-again", json=wanted))["document"]
    assert "they are fine" in text and "5.02-1+b1" in text and "- production" in text
    refused(viewer.get("/rules/trains"), 404, "trains")
    ok(operator.post("/rules", json={"document": text}), 201)
    assert ok(operator.post("/rules/trains/replay", json={}))["replay"]["hidden"] == 2
    upgrade = ok(operator.post("/rfcs/2/never-again", json={"name": "updates"}))["document"]
    assert "upgrade: true" in upgrade and "origin: debian-security" in upgrade


def test_origins(own_site: Site) -> None:
    viewer, operator = own_site.api("viewer"), own_site.api("operator")
    index = INDEX.read_bytes()
    refused(viewer.put("/origins/debian", content=index), 403, "operator")
    refused(operator.put("/origins/debian", content=b""), 422, "lists nothing")
    refused(operator.put("/origins/debian", content=b"\xfd7zXZ\x00"), 422, "xz -dc")
    refused(operator.put("/origins/debian", content=b"Package: a\n\n"), 422, "line 2: the stanza before has no Package")
    refused(operator.put("/origins/de%20bian", content=index), 422, '"de bian" cannot name an origin')
    assert [one["name"] for one in ok(viewer.get("/origins"))["items"]] == ["debian-security"]
    assert ok(operator.put("/origins/debian", content=index.replace(b"\n", b"\r\n")))["new"] == 5
    assert ok(operator.put("/origins/debian", content=index))["new"] == 0
    later = index.replace(b"Version: 5.02-1+b1", b"Version: 5.02-1+b2")
    assert ok(operator.put("/origins/debian", content=later))["new"] == 1
    rows = ok(viewer.get("/origins", params={"sort": "-versions"}))["items"]
    assert [(one["name"], one["packages"], one["versions"]) for one in rows] == [
        ("debian", 5, 6),
        ("debian-security", 1, 1),
    ]


def test_on_the_pages(own_site: Site) -> None:
    operator, approver = own_site.browser("operator"), own_site.browser("approver")
    csrf, csrf_of_approver = {"csrf": csrf_of(operator)}, {"csrf": csrf_of(approver)}
    ok(own_site.api("operator").put("/origins/debian", content=INDEX.read_bytes()))
    bad = operator.post("/rules", data={**csrf, "document": DOCUMENT.replace("hours", "ours")})
    assert bad.status_code == 422 and "rule:4:1" in bad.text
    drafted = operator.post("/rules", data={**csrf, "document": DOCUMENT.replace("\n", "\r\n")})
    assert "Saved as a draft" in operator.get(drafted.headers["location"]).text
    assert "\r" not in own_site.api("viewer").get("/rules/trains").json()["document"]
    replayed = operator.post("/rules/trains/replay", data={**csrf, "days": 90})
    assert "hides 2 of 5 drifts" in operator.get(replayed.headers["location"]).text
    assert 'action="/rules/trains/approve"' not in operator.get("/rules/trains").text
    assert operator.post("/rules/trains/approve", data=csrf).status_code == 403
    approved = approver.post("/rules/trains/approve", data=csrf_of_approver)
    assert "Approved." in approver.get(approved.headers["location"]).text
    retired = approver.post("/rules/trains/retire", data=csrf_of_approver)
    assert "Retired." in approver.get(retired.headers["location"]).text
    text = operator.get("/rules").text
    assert "trains" in text and "debian-security" in text


def test_commands(own_site: Site, tmp_path: Path) -> None:
    run = stored(own_site, tmp_path / "profiles.toml")
    assert run("origin", "load", "debian", str(INDEX)).stdout == "origin debian: 5 new versions\n"
    assert "debian-security" in run("origin", "list", "--sort=-versions").stdout
    assert "no such file" in run("origin", "load", "debian", str(tmp_path / "none"), code=1).stderr.lower()
    text = run("rule", "never-again", "1", "--name", "trains", "--reason", "they are fine").stdout
    document = tmp_path / "trains.yaml"
    document.write_text(text)
    assert run("rule", "draft", str(document)).stdout == "rule trains v1 is draft\n"
    assert "hides 2 of 5 drifts" in run("rule", "replay", "trains", "--days", "7").stdout
    assert "admin is its author" in run("rule", "approve", "trains", code=1).stderr
    assert run("--profile", "approver", "rule", "approve", "trains").stdout == "rule trains v1 is in force\n"
    shown = run("rule", "show", "trains").stdout
    assert "approver" in shown and "5.02-1+b1" in shown
    assert run("--profile", "approver", "rule", "retire", "trains").stdout == "rule trains v1 is retired\n"
    assert json.loads(run("rule", "show", "trains", "--json").stdout)["state"] == "retired"
    assert "rule:1:8" in run("rule", "draft", "-", stdin="name: [", code=1).stderr
