"""Import of CIs from tables: what is seen is written, all of it or nothing; and the round trip of the export."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select
from tests.server.conftest import Site, csrf_of
from tests.server.test_cli import stored
from typer.testing import CliRunner

from driftline_cmdb.catalog import versions
from driftline_cmdb.cis import applying, importing
from driftline_cmdb.cis.creating import NewCi, create_ci
from driftline_cmdb.cis.importing import Options
from driftline_cmdb.cis.moving import moves
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Ci
from driftline_server.cis import views
from driftline_server.cli.main import app
from driftline_server.lists import Window

CATALOG = """\
classes: [{name: hypervisor, meaning: a machine that runs virtual machines, based_on: server}]
fields:
  - {name: cost_centre, type: text, pattern: "[0-9]{4}"}
  - {name: bought, type: date, of: [server]}
  - {name: asset_tag, type: text, unique: true}
  - {name: spare, type: boolean}
  - {name: vendor, type: reference, to: team}
"""


@pytest.fixture
def catalogued(own_site: Site) -> Site:
    """A site of this test's own with a catalog."""
    own_site.api("admin").put("/catalog", json={"document": CATALOG}).raise_for_status()
    return own_site


def send(site: Site, content: str | bytes, *, status: int = 200, **query: Any) -> dict[str, Any]:
    data = content.encode() if isinstance(content, str) else content
    answer = site.api("operator").post("/cis/import", content=data, params=query, headers={"content-type": "text/csv"})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def errors(site: Site, content: str | bytes, **query: Any) -> list[tuple[int, str]]:
    return [(one["line"], one["message"]) for one in send(site, content, dry_run=True, **query)["errors"]]


def test_what_is_previewed_is_what_is_written(catalogued: Site) -> None:
    columns = "\ufeffname;owner;Site;label.role;field.cost_centre;services;;"
    table = f"{columns}\r\nweb1;jane;ber1;front;4711;shop, mail;;\r\ndb1;;;;-;;;\r\n"
    found = send(catalogued, table, dry_run=True)
    assert (found["rows"], found["changed"], found["unchanged"], found["errors"]) == (2, 1, 1, [])
    assert found["match"] == "name" and found["delimiter"] == ";"
    seen = {one["attribute"]: one["after"] for one in found["cis"][0]["changes"]}
    assert seen["owner"] == "jane" and seen["location"] == "ber1" and seen["field.cost_centre"] == "4711"
    api = catalogued.api("operator")
    assert api.get("/cis/web1").json()["owner"] != "jane"  # nothing was written
    done = api.post(f"/cis/import/{found['digest']}").json()
    assert done["applied"] and done["cis"] == found["cis"]
    web1 = api.get("/cis/web1").json()
    assert web1["owner"] == "jane" and web1["services"] == ["shop", "mail"] and web1["labels"]["role"] == "front"
    assert web1["fields"] == {"cost_centre": "4711"}
    again = api.post(f"/cis/import/{found['digest']}")
    assert again.status_code == 409 and "was applied by operator already" in again.json()["detail"]
    cleared = send(catalogued, "name,owner,field.cost_centre,label.role\nweb1,-,-,-\n")
    assert cleared["changed"] == 1
    web1 = api.get("/cis/web1").json()
    assert web1["owner"] is None and web1["fields"] == {} and "role" not in web1["labels"]


def test_the_audit_trail_says_before_and_after(catalogued: Site) -> None:
    digest = send(catalogued, "name,owner\nweb1,jane\n")["digest"]
    with catalogued.database.read() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.actor == "operator")).all()[-2:]
        assert [one.action for one in entries] == ["ci.edited", "cis.imported"]
        assert entries[0].detail["after"] == {"owner": "jane"} and entries[0].detail["import"] == digest
        assert entries[1].detail == {"import": digest, "created": 0, "changed": 1, "rows": 1}


def test_something_moved_since_the_preview(catalogued: Site) -> None:
    found = send(catalogued, "name,owner\nweb1,jane\ndb1,jane\n", dry_run=True)
    api = catalogued.api("operator")
    api.patch("/cis/web1", json={"owner": "bob"}).raise_for_status()
    answer = api.post(f"/cis/import/{found['digest']}")
    assert answer.status_code == 409
    assert "web1: owner: seen " in answer.json()["detail"] and 'now "bob" -> "jane"' in answer.json()["detail"]
    assert api.get("/cis/db1").json()["owner"] != "jane"
    assert api.post("/cis/import/0123").status_code == 404


def test_all_errors_are_told_and_nothing_is_written(catalogued: Site) -> None:
    api = catalogued.api("operator")
    for _ in range(2):  # two CIs of one name
        with catalogued.database.write() as session:
            session.add(Ci(uid=f"twin-{_}", name="twin"))
    table = (
        "name,owner,status,field.cost_centre,field.asset_tag,class\n"
        "web1,jane,,,A1,\n"
        "nobody,x,,,,\n"
        "twin,x,,,,\n"
        "db1,x,broken,12,,\n"
        "web1,again,,,,\n"
        ",x,,,,\n"
        "old1,x,,,A1,\n"
        "web2,x,,,,car\n"
    )
    found = errors(catalogued, table)
    assert [line for line, _ in found] == [3, 4, 5, 5, 6, 7, 8, 9]
    said = dict(found)
    assert 'name: "nobody" is of no CI on record; --create makes it' in said[3]
    assert "is of 2 CIs; name one in a column uid: twin-0, twin-1" in said[4]
    assert {message.partition(":")[0] for line, message in found if line == 5} == {"status", "field.cost_centre"}
    assert "web1 stands in line 2 already" in said[6]
    assert said[7] == "has no name; which CI is meant?"
    assert "is web1's already, and it must be unique" in said[8]
    assert 'class: "car" is not one of server' in said[9]
    refused = send(catalogued, table, status=422)
    assert "8 errors, so nothing was imported: line 3: " in refused["detail"]
    assert api.get("/cis/web1").json()["owner"] != "jane"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name,colour\nweb1,red\n", 'column "colour": is not known; known are uid, name'),
        ("name,field.colour\nweb1,red\n", 'column "field.colour": the catalog has no such field'),
        ("owner\njane\n", "there is no column name to find CIs by"),
        ("name,site,location\nweb1,a,b\n", 'column "location": stands twice, under another name'),
        ("uid,name\nno-such,web1\n", 'uid: "no-such" is of no CI on record'),
        ("name,services\nweb1,\"[1]\"\n", "is no list of texts"),
        ("name,class\nweb1,-\n", "class: cannot be cleared"),
        (b"name\nJ\xfcrgen\n", "is not UTF-8"),
        ("", "there is nothing in it"),
    ],
)  # fmt: skip
def test_tables_that_do_not_do(catalogued: Site, table: str | bytes, said: str) -> None:
    assert any(said in message for _, message in errors(catalogued, table))


def test_options_that_do_not_do(catalogued: Site) -> None:
    for query, said in (
        ({"match": "mac"}, 'match: "mac" is not one of uid, name, serial, fqdn'),
        ({"delimiter": "ab"}, "is not one character"),
        ({"clear": " "}, "clear: must have 1 to 40"),
    ):
        assert said in send(catalogued, "name\nweb1\n", status=422, **query)["detail"]


def test_cis_are_found_by_their_facts_too(catalogued: Site) -> None:
    found = send(catalogued, "fqdn,owner\nWEB1.example.net.,jane\n", dry_run=True)
    assert found["match"] == "fqdn" and [one["name"] for one in found["cis"]] == ["web1"]
    uid = catalogued.api("viewer").get("/cis/web1").json()["uid"]
    assert "this row says" in errors(catalogued, f"uid,name,owner\n{uid},web2,jane\n")[0][1]


def test_new_cis(catalogued: Site) -> None:
    table = "name,class,field.vendor,field.bought,owner\nhv9,hypervisor,dba,2026-11-24,dba\ndba,team,,,\n"
    assert len(errors(catalogued, table)) == 2
    found = send(catalogued, table, dry_run=True, create=True)
    assert found["errors"] == [] and found["created"] == 2
    api = catalogued.api("operator")
    done = api.post(f"/cis/import/{found['digest']}")
    assert done.status_code == 200, done.text
    hv9, dba = (api.get(f"/cis/{name}").json() for name in ("hv9", "dba"))
    assert (hv9["ci_class"], hv9["status"], dba["status"]) == ("hypervisor", "planned", "installed")
    assert hv9["fields"] == {"vendor": dba["uid"], "bought": "2026-11-24"}
    assert hv9["said"]["named"]["dba"]["uid"] == dba["uid"]
    page = catalogued.browser("viewer").get("/cis/hv9").text
    assert page.count(f'<a href="/cis/{dba["uid"]}">dba</a>') == 2
    assert send(catalogued, table, dry_run=True, create=True)["unchanged"] == 2
    twice = "name,owner\nnew1,a\nnew1,b\n"
    assert [line for line, _ in errors(catalogued, twice, create=True)] == [3]


def test_the_export_is_imported_without_a_change(catalogued: Site) -> None:
    api = catalogued.api("operator")
    evil = {"=cmd|' /C calc'!A0": "+1", "'-": "-", "'=x": "@a", 'wörk, "here"': "a;b"}
    api.post("/cis", json={"name": "dba", "ci_class": "team"}).raise_for_status()
    fields = {"cost_centre": "0042", "bought": "2026-11-24", "spare": True, "vendor": "dba", "asset_tag": "-1"}
    wanted = {
        "labels": evil,
        "services": ["a, b", "=x"],
        "owner": "=HYPERLINK(1)",
        "responsible": "'@x",
        "fields": fields,
    }
    api.patch("/cis/web1", json=wanted).raise_for_status()
    exported = api.get("/cis", params={"format": "csv", "limit": 10_000})
    assert "\n=" not in exported.text and ",=" not in exported.text
    found = send(catalogued, exported.content, dry_run=True)
    assert found["errors"] == [] and found["cis"] == []
    assert found["rows"] == found["unchanged"] == int(exported.headers["x-total-count"])
    assert {"os", "version", "open_drifts"} <= set(found["ignored"])
    # As a spreadsheet of a German desk saves it
    german = exported.text.replace("0042", "0043")
    assert send(catalogued, ("\ufeff" + german).encode(), dry_run=True)["changed"] == 1


def test_moves_between_baselines_are_told(catalogued: Site) -> None:
    document = "name: by-field\nselector: {field.cost_centre: '4711'}\nexpect: []\n"
    catalogued.api("operator").post("/baselines", json={"document": document}).raise_for_status()
    catalogued.api("approver").post("/baselines/by-field/approve", json={}).raise_for_status()
    found = send(catalogued, "name,field.cost_centre\nold1,4711\n")
    assert found["warnings"] == ["old1 comes into by-field v1"]
    found = send(catalogued, "name,field.cost_centre\nold1,-\n", dry_run=True)
    assert found["warnings"] == ["old1 leaves by-field v1"]


def test_lists_are_filtered_by_fields(catalogued: Site) -> None:
    send(catalogued, "name,field.cost_centre,field.spare,field.bought\nweb1,4711,yes,2026-11-24\ndb1,4712,no,\n")

    def names(**query: str) -> list[str]:
        answer = catalogued.api("viewer").get("/cis", params=query)
        assert answer.status_code == 200, answer.text
        return sorted(one["name"] for one in answer.json()["items"])

    assert names(**{"field.cost_centre": "4711"}) == ["web1"]
    assert names(**{"field.cost_centre": "47*"}) == ["db1", "web1"]
    assert names(**{"field.spare": "no"}) == ["db1"]
    assert names(**{"field.bought": "2026-11-24", "field.spare": "true"}) == ["web1"]
    refused = catalogued.api("viewer").get("/cis", params={"field.colour": "red"})
    assert refused.status_code == 422 and "the catalog has no such field" in refused.json()["detail"]
    assert "web1" in catalogued.browser("viewer").get("/cis?field.cost_centre=4711").text


def test_filters_on_both_engines(database: Database) -> None:
    with database.write() as session:
        versions.put(session, CATALOG + "  - {name: cores, type: integer, of: [server]}\n", "root", "", 1)
        create_ci(session, NewCi("dba", "team"), "alice", 1)
        one = {"spare": "yes", "cores": "8", "vendor": "dba", "asset_tag": "A_1"}
        create_ci(session, NewCi("web1", "server", fields=one), "alice", 1)
        create_ci(session, NewCi("web2", "server", fields={"spare": "no", "asset_tag": "AB1"}), "alice", 1)
    with database.read() as session:

        def names(**wanted: str) -> list[str]:
            rows, total = views.list_cis(session, views.CiFilter(fields=wanted), Window())
            assert total == len(rows)
            return [row.name for row in rows]

        assert names(spare="true") == ["web1"] and names(spare="no") == ["web2"]
        assert names(cores="8") == ["web1"] and names(cores="9") == []
        assert names(vendor="dba") == ["web1"] and names(vendor="nobody") == []
        assert names(asset_tag="A_*") == ["web1"] and names(asset_tag="A*1") == ["web1", "web2"]
        with pytest.raises(Invalid, match="is no whole number"):
            names(cores="many")


def test_ten_thousand_rows(catalogued: Site) -> None:
    database = catalogued.database
    with database.write() as session:
        session.add_all([Ci(uid=f"uid-{number}", name=f"srv{number}") for number in range(10_000)])
    rows = "".join(f"srv{number},team{number % 7},{number:04}\n" for number in range(10_000))
    content = f"name,owner,field.cost_centre\n{rows}".encode()
    with database.read() as session:
        made = importing.preview(session, content, Options())
        assert made.errors == [] and len(made.changed()) == 10_000
        assert moves(session, [plan for _, plan in made.plans]) == []
    statements = 0

    def count(*_arguments: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(database.engine, "before_cursor_execute", count)
    with database.write() as session:
        made = importing.preview(session, content, Options(), to_write=True)
        applying.write(session, made, "alice", 1, made.digest(content))
    event.remove(database.engine, "before_cursor_execute", count)
    assert statements < 1_000  # in batches, not row by row


def test_pages(catalogued: Site) -> None:
    browser = catalogued.browser("operator")
    token = csrf_of(browser)
    upload = {"file": ("cis.csv", b"name;owner\nweb1;jane\nweb1;bob\n", "text/csv")}
    answer = browser.post("/cis/import", data={"csrf": token}, files=upload)
    assert answer.status_code == 200 and "web1 stands in line 2 already" in answer.text
    upload = {"file": ("cis.csv", b"name;owner\nweb1;jane\nnew9;bob\n", "text/csv")}
    answer = browser.post("/cis/import", data={"csrf": token, "create": "1"}, files=upload)
    assert "1 change, 1 are new, 0 stay as they are" in answer.text
    where = answer.text.split('action="/cis/import/')[1].split('"')[0]
    assert browser.post(f"/cis/import/{where}", data={"csrf": token}).headers["location"] == "/cis?done=imported"
    assert browser.post(f"/cis/import/{where}", data={"csrf": token}).status_code == 409
    assert browser.post("/cis/import", data={"csrf": "x"}, files=upload).status_code == 403
    edited = {
        "csrf": token,
        "status": "installed",
        "ci_class": "server",
        "field.cost_centre": "4711",
        "field.spare": "",
    }
    assert browser.post("/cis/new9/edit", data=edited).status_code == 303
    assert "4711" in browser.get("/cis/new9").text
    assert 'value="4711"' in browser.get("/cis/new9/edit").text
    admin = catalogued.browser("admin")
    form = {"csrf": csrf_of(admin), "after": "1", "document": CATALOG.replace("[0-9]{4}", "[0-9]{5}"), "comment": "x"}
    answer = admin.post("/catalog", data={**form, "check": "1"})
    assert answer.status_code == 200 and "does not match [0-9]{5}" in answer.text
    assert admin.post("/catalog", data=form).status_code == 403
    form["document"] = CATALOG + "  - {name: floor_load, type: number}\n"
    assert admin.post("/catalog", data=form).status_code == 303
    assert "field.floor_load" in browser.get("/catalog").text


def test_roles(own_site: Site) -> None:
    assert own_site.api("operator").put("/catalog", json={"document": CATALOG}).status_code == 403
    assert own_site.api("viewer").post("/cis/import", content=b"name\nweb1\n").status_code == 403


def test_commands(catalogued: Site, tmp_path: Path) -> None:
    stored(catalogued, tmp_path / "profiles.toml")
    runner = CliRunner(env={"DRIFTLINE_CONFIG": str(tmp_path / "profiles.toml"), "COLUMNS": "100"})

    def run(*words: str, code: int = 0) -> str:
        found = runner.invoke(app, ["--profile", "admin", *words])
        assert found.exit_code == code, found.output
        return found.output

    document = tmp_path / "catalog.yaml"
    document.write_text(CATALOG + "  - {name: rack_unit, type: integer}\n")
    assert "field rack_unit is new" in run("catalog", "check", str(document))
    assert "catalog v2 is in force" in run("catalog", "apply", str(document), "--comment", "racks")
    assert "rack_unit" in run("catalog", "show") and "racks" in run("catalog", "history")
    assert run("catalog", "show", "--document") == document.read_text()
    document.write_text("fields: [{name: x, type: secret}]\n")
    assert "no secrets in the CMDB" in run("catalog", "check", str(document), code=1)
    assert "set owner, field.rack_unit" in run(
        "ci", "edit", "web1", "--set", "owner=dba", "--set", "field.rack_unit=12"
    )
    assert "12" in run("ci", "show", "web1")
    assert "web1" in run("ci", "list", "--field", "rack_unit=12", "--class", "server")
    assert "is neither" in run("ci", "edit", "web1", "--set", "field.spare=maybe", code=1)
    table = tmp_path / "cis.csv"
    table.write_text("name;owner\nweb1;\ndb1;jane\n")
    seen = run("ci", "import", str(table), "--dry-run")
    assert "1 change, 0 new, 1 as they are" in seen
    (digest,) = re.findall("--seen ([0-9a-f]{32})", seen)
    assert "imported: 1 changed" in run("ci", "import", str(table), "--seen", digest)
    table.write_text("name;owner\nnobody;jane\ndb1;jane;x\n")
    said = run("ci", "import", str(table), code=1)
    assert f"{table}:2: " in said and f"{table}:3: " in said and "2 errors, so nothing is imported" in said
    made = run("ci", "create", "gold support", "--class", "agreement", "--set", "field.cost=1200 EUR", "--json")
    assert '"cost": "1200 EUR"' in made
