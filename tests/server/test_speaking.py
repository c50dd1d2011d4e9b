"""A CI's sources as people see them, now and before, and their rank."""

import json
from pathlib import Path

from sqlmodel import select
from tests.server.conftest import Site
from tests.server.test_cli import stored

from driftline_cmdb import record
from driftline_cmdb.identity import authority, bindings
from driftline_cmdb.tables.audit import AuditEntry
from driftline_server.times import now_ms

SOURCES = "/cis/web1/sources"


def merged(site: Site) -> None:
    """Let the sources of web2 and old1 speak for web1, too; that of old1 does not any more."""
    now = now_ms()
    with site.database.write() as session:
        web1 = record.find_ci(session, "web1")
        for name, rank in (("web2", 0), ("old1", 7)):
            (row,) = bindings.of_ci(session, record.find_ci(session, name).id)
            bindings.end(session, row, now - 60_000)
            begun = bindings.bind(session, row.source_id, web1.id, f"{name} is the same", now - 60_000, rank=rank)
            if name == "old1":
                bindings.end(session, *bindings.rows(session, [begun]), now)
        authority.settle(session, web1.id, now)


def test_sources_of_a_ci(own_site: Site) -> None:
    api = own_site.api("operator")
    assert [(row["hostname"], row["speaks_for"], row["muted"]) for row in api.get(SOURCES).json()["items"]] == [
        ("web1", [], [])
    ]
    merged(own_site)
    web2, web1, old1 = api.get(SOURCES).json()["items"]
    assert [row["hostname"] for row in (web2, web1, old1)] == ["web2", "web1", "old1"]
    assert (web2["until"], old1["rank"], old1["reason"]) == (None, 7, "old1 is the same")
    assert old1["until"] is not None
    assert "software.packages" in web2["speaks_for"]
    assert {one["section"] for one in web1["muted"]} == {"os", "hardware", "packages", "network"}
    assert {by for one in web1["muted"] for by in one["by"]} == {web2["uid"]}
    found = api.get("/cis/web1").json()
    assert [one["hostname"] for one in found["sources"]] == ["web2", "web1"]
    assert [one["hostname"] for one in found["former_sources"]] == ["old1"]


def test_a_person_ranks_a_source(own_site: Site) -> None:
    merged(own_site)
    api = own_site.api("operator")
    path = f"{SOURCES}/source-web1/rank"
    answer = api.put(path, json={"rank": 9, "reason": "it is the real one"})
    assert (answer.status_code, answer.json()["rank"], answer.json()["muted"]) == (200, 9, [])
    assert [row["hostname"] for row in api.get(SOURCES).json()["items"]] == ["web1", "web2", "old1"]
    with own_site.database.read() as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "ci.ranked")).all()
        assert (entry.actor, entry.detail["rank"], entry.detail["reason"]) == ("operator", 9, "it is the real one")
    assert api.put(path, json={"rank": 1001, "reason": "x"}).status_code == 422
    gone = api.put(f"{SOURCES}/source-old1/rank", json={"rank": 1, "reason": "x"})
    assert (gone.status_code, "does not speak for it" in gone.json()["detail"]) == (404, True)


def test_the_page_shows_whose_word_counts(own_site: Site) -> None:
    merged(own_site)
    browser = own_site.browser("viewer")
    page = browser.get("/cis/web1").text
    assert "has the word in" in page and "4 of its sections do not count" in page and "old1 is the same" in page


def test_the_commands(own_site: Site, tmp_path: Path) -> None:
    merged(own_site)
    cli = stored(own_site, tmp_path / "profiles.toml")
    words = ("ci", "rank", "web1", "3", "--source", "source-web1", "--reason", "it is the real one")
    assert cli(*words).stdout == "agent web1 speaks in rank 3 now\n"
    assert json.loads(cli(*words, "--json").stdout)["rank"] == 3
    shown = cli("ci", "show", "web1").stdout
    assert "whose word counts" in shown and "old1 is the same" in shown and "software (" in shown
