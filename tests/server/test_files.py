"""Texts of configuration files for people: who may see them, how they differ, and that they are never markup."""

import hashlib

import pytest
from tests.cmdb.test_reports import section
from tests.server.conftest import Site

from driftline.v1.collector_pb2 import FileText
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import texts
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.tables.sources import Source
from driftline_server.times import now_ms

PATH = "/etc/ssh/sshd_config"
OLD, NEW = "Port 22\nPermitRootLogin no\n", "Port 22\nPermitRootLogin <b>yes</b>\n"


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def changed(own_site: Site) -> Site:
    """A site of which one host's file changed, and another is closed."""
    database, now = own_site.database, now_ms()
    with database.write() as session:
        source = Source(uid="files", hostname="files", enrolled_ms=now)
        session.add(source)
        session.flush()
        source_id = source.id
    token = b""
    for sequence, text in enumerate((OLD, NEW), start=1):
        facts = Facts()
        facts.files.files.add(path=PATH, type="file", digest=digest_of(text))
        facts.files.files.add(path="/etc/closed", type="file", sealed_digest=f"sealed:01020304:{str(sequence) * 64}")
        at = now - 100_000 + sequence * 10_000
        report = Report(
            source_id=source_id,
            epoch="epoch-of-files",
            sequence=sequence,
            continuation=token,
            digest=bytes([sequence]) * 16,
            received_ms=at,
            sent_ms=at,
            agent_version="1",
            sections=(prepare_section(section(facts, "files", at)),),
        )
        (done,) = Ingest(database).commit([report])
        assert isinstance(done, Committed), done
        token = done.continuation
        sent = [FileText(digest=digest_of(text), text=text)]
        sent.append(FileText(digest=f"sealed:01020304:{str(sequence) * 64}", withheld="it is closed to other users"))
        texts.keep(database, source_id, texts.prepare_texts(sent), at)
    return own_site


def test_text_now_then_and_by_digest(changed: Site) -> None:
    api = changed.api("operator")
    found = api.get("/cis/files/files/text", params={"file": PATH}).json()
    assert (found["text"], found["digest"], found["until"]) == (NEW, digest_of(NEW), None)
    then = api.get("/cis/files/files/text", params={"file": PATH, "digest": digest_of(OLD)}).json()
    assert then["text"] == OLD and then["until"] == found["since"]
    assert api.get("/cis/files/files/text", params={"file": PATH, "at": then["since"]}).json()["text"] == OLD
    versions = api.get("/cis/files/files/versions", params={"file": PATH}).json()["items"]
    assert [one["text"] for one in versions] == [NEW, OLD]
    assert api.get("/cis/files/files/text", params={"file": "/etc/none"}).status_code == 404


def test_diff_of_the_last_two(changed: Site) -> None:
    found = changed.api("approver").get("/cis/files/files/diff", params={"file": PATH}).json()
    assert found["lines"][1:] == [" Port 22", "-PermitRootLogin no", "+PermitRootLogin <b>yes</b>"]
    closed = changed.api("operator").get("/cis/files/files/diff", params={"file": "/etc/closed"}).json()
    assert closed["lines"] is None and "closed to other users" in closed["why"]


def test_who_may_only_view_sees_no_text(changed: Site) -> None:
    answer = changed.api("viewer").get("/cis/files/files/text", params={"file": PATH})
    assert answer.status_code == 403 and "operator or approver" in answer.text
    browser = changed.browser("viewer")
    assert browser.get("/cis/files/file", params={"path": PATH}).status_code == 403
    history = browser.get("/cis/files/history").text
    assert digest_of(NEW) in history and "What changed in it" not in history


def test_pages_show_text_as_text(changed: Site) -> None:
    browser = changed.browser("operator")
    page = browser.get("/cis/files/file", params={"path": PATH}).text
    assert "+PermitRootLogin &lt;b&gt;yes&lt;/b&gt;" in page and "<b>yes</b>" not in page
    assert "What changed in it" in browser.get("/cis/files/history").text
