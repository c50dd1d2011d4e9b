"""An identity that two hold, for people: API, page, command."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select
from tests.server.conftest import Site

from driftline.v1.collector_pb2 import HostClaims
from driftline_cmdb import sources
from driftline_cmdb.errors import Forked, Held
from driftline_cmdb.reports import Ingest, Report
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.sources import Source
from driftline_server.times import now_ms

Fork = Callable[[], str]


@pytest.fixture
def fork(own_site: Site) -> Fork:
    """Have web1's identity be held by two; returns its uid."""

    def fork() -> str:
        ingest, now = Ingest(own_site.database), now_ms()
        with own_site.database.read() as session:
            row = sources.find(session, "source-web1")
        known = Report(
            source_id=row.id,
            epoch=row.epoch or "",
            sequence=row.sequence + 1,
            continuation=row.continuation or b"",
            digest=b"d" * 16,
            received_ms=now,
            sent_ms=now,
            agent_version="0.1.0",
            claims=HostClaims(hostname="web1"),
            peer="192.0.2.1",
        )
        (first,) = ingest.commit([known])
        copy = replace(
            known,
            epoch="e" * 32,
            sequence=1,
            continuation=b"",
            received_ms=now + 1000,
            claims=HostClaims(hostname="web1-copy", macs=["52:54:00:00:00:02"]),
            peer="192.0.2.2",
            begun_for="other hardware",
        )
        assert isinstance(ingest.commit([copy])[0], Held)
        again = replace(
            known,
            sequence=known.sequence + 1,
            continuation=getattr(first, "continuation", b""),
            received_ms=now + 2000,
            claims=None,
        )
        assert isinstance(ingest.commit([again])[0], Forked)
        return "source-web1"

    return fork


def finding_of(site: Site, uid: str) -> Finding | None:
    with site.database.read() as session:
        return session.exec(select(Finding).where(Finding.key == f"clone:{uid}")).first()


def test_holders_side_by_side(own_site: Site, fork: Fork) -> None:
    api = own_site.api("admin")
    before = api.get("/sources/source-web1/holders").json()
    assert [one["state"] for one in before["holders"]] == ["running"] and before["finding"] is None
    found: dict[str, Any] = api.get(f"/sources/{fork()}/holders").json()
    assert found["state"] == "quarantined" and found["finding"]
    one, two = found["holders"]
    assert (one["hostname"], one["addresses"], one["state"]) == ("web1", ["192.0.2.1"], "running")
    assert (two["hostname"], two["addresses"], two["state"]) == ("web1-copy", ["192.0.2.2"], "held")
    assert (two["macs"], two["begun_for"], two["reports"]) == (["52:54:00:00:00:02"], "other hardware", 0)


def test_the_page_splits(own_site: Site, fork: Fork) -> None:
    uid = fork()
    browser = own_site.browser("admin")
    page = browser.get(f"/sources/{uid}").text
    assert "192.0.2.1" in page and "192.0.2.2" in page and page.count("let this one keep") == 2
    token = page.split('name="csrf" value="')[1].split('"')[0]
    answer = browser.post(f"/sources/{uid}/split", data={"csrf": token, "keep": "e" * 32, "reason": "the new one"})
    assert answer.status_code == 303
    page = browser.get(f"/sources/{uid}").text
    assert "keeps the CI" in page and "a CI of its own" in page and "let this one keep" not in page
    found = finding_of(own_site, uid)
    assert found is not None and found.closed_ms is not None
    assert "let this one keep" not in own_site.browser("viewer").get(f"/sources/{uid}").text


def test_split_says_who_it_cannot_mean(own_site: Site, fork: Fork) -> None:
    api = own_site.api("admin")
    alone = api.post("/sources/source-web2/split", json={"reason": "x"})
    assert alone.status_code == 403 and "one alone holds it" in alone.json()["detail"]
    uid = fork()
    unknown = api.post(f"/sources/{uid}/split", json={"reason": "x", "keep": "db7"})
    assert unknown.status_code == 404 and "web1-copy at 192.0.2.2" in unknown.json()["detail"]
    assert api.post(f"/sources/{uid}/split", json={"reason": ""}).status_code == 422
    assert api.post(f"/sources/{uid}/split", json={"reason": "x", "keep": "192.0.2.1"}).status_code == 200
    twice = api.post(f"/sources/{uid}/expect", json={"reason": "x"})
    assert twice.status_code == 409 and "was split before" in twice.json()["detail"]


def test_expect_and_retire(own_site: Site) -> None:
    api = own_site.api("admin")
    assert api.post("/sources/source-web1/expect", json={"reason": "an image"}).json()["state"] == "image"
    assert [one["uid"] for one in api.get("/sources?state=image").json()["items"]] == ["source-web1"]
    total = api.get("/sources").json()["total"]
    assert api.post("/sources/source-web1/retire", json={"reason": "old image"}).status_code == 200
    assert api.get("/sources").json()["total"] == total - 1
    assert api.get("/sources?state=retired").json()["total"] == 1
    assert api.get("/sources?q=source-web1").json()["items"][0]["state"] == "retired"
    assert api.post("/sources/source-web1/retire", json={"reason": "x"}).status_code == 409


def test_release_closes_the_finding(own_site: Site, fork: Fork) -> None:
    uid = fork()
    assert own_site.api("admin").post(f"/sources/{uid}/release", json={"reason": "one machine"}).status_code == 200
    found = finding_of(own_site, uid)
    assert found is not None and found.closed_ms is not None
    with own_site.database.read() as session:
        row = session.exec(select(Source).where(Source.uid == uid)).one()
        assert row.quarantined_ms is None and row.held_epoch is None
