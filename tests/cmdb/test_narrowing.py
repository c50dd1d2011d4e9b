"""Agents that look at less: what counts as less, when it is a finding, and when that closes."""

import os
from dataclasses import replace

import pytest
from sqlmodel import select
from tests.cmdb.test_reports import NOW, add_source, content, receipt, report, section

from driftline.v1.collector_pb2 import Dropped, Manifest, SectionDigest
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import findings
from driftline_cmdb.database import Database
from driftline_cmdb.narrowing import PATIENCE_MS, narrower
from driftline_cmdb.reports import Ingest, Report
from driftline_cmdb.tables.cis import Finding

OFFERED = ("agent", "dpkg", "files")


def says(**settings: object) -> Facts:
    out = Facts()
    out.agent.files_roots.extend(settings.pop("files_roots", ["/etc", "/opt/app"]))  # type: ignore[arg-type]
    out.agent.topics_offered.extend(settings.pop("offered", OFFERED))  # type: ignore[arg-type]
    out.agent.topics.extend(settings.pop("topics", ()))  # type: ignore[arg-type]
    out.agent.watch = bool(settings.pop("watch", True))
    return out


class Talk:
    """A source that reports again and again."""

    def __init__(self, database: Database) -> None:
        self.ingest, self.database = Ingest(database), database
        self.source = add_source(database)
        self.sequence, self.token, self.now = 0, b"", NOW

    def send(self, *sections: object, names: tuple[str, ...] = (), later_ms: int = 1000, **more: object) -> None:
        self.sequence += 1
        self.now += later_ms
        one: Report = report(self.source, *sections, sequence=self.sequence, continuation=self.token)  # type: ignore[arg-type]
        one = replace(one, digest=os.urandom(16), received_ms=self.now, sent_ms=self.now, **more)  # type: ignore[arg-type]
        if names:
            digests = [SectionDigest(name=name, digest=b"x" * 16) for name in names]
            one = replace(one, manifest=Manifest(sections=digests, observed_at_ms=self.now))
        (done,) = self.ingest.commit([one])
        self.token = receipt(done).continuation

    def open(self, kind: str = "narrowed") -> list[Finding]:
        with self.database.read() as session:
            found = session.exec(select(Finding).where(Finding.kind == kind)).all()
            return [one for one in found if one.closed_ms is None]


@pytest.fixture
def talk(database: Database) -> Talk:
    """A source with two topics on record, that says what it looks at."""
    out = Talk(database)
    out.send(section(says(), "agent"), section(content(sl="1"), "dpkg"))
    out.send(names=("agent", "dpkg"))
    assert out.open() == []
    return out


def test_a_topic_that_the_configuration_leaves_out_is_a_finding_at_once(talk: Talk) -> None:
    talk.send(section(says(topics=["agent"]), "agent"))
    talk.send(names=("agent",))
    (found,) = talk.open()
    assert "no longer read: dpkg" in found.message and found.ci_id is not None
    assert found.detail["topics"]["dpkg"] == talk.now
    talk.send(section(says(), "agent"), names=("agent", "dpkg"))
    assert talk.open() == []


def test_a_topic_that_goes_without_a_word_is_one_after_a_while(talk: Talk) -> None:
    talk.send(names=("agent",))
    assert talk.open() == []  # dpkg may be at work
    since = talk.now
    talk.send(names=("agent",), later_ms=PATIENCE_MS)
    (found,) = talk.open()
    assert found.detail["topics"] == {"dpkg": since}
    for _ in range(2):
        talk.send(names=("agent",))
    assert [one.id for one in talk.open()] == [found.id]
    talk.send(names=("agent", "dpkg"))
    assert talk.open() == []


def test_a_version_that_reads_another_set_of_topics_is_none(talk: Talk) -> None:
    talk.send(section(says(offered=("agent", "packages")), "agent"), agent_version="2")
    talk.send(names=("agent", "packages"), agent_version="2")
    talk.send(names=("agent", "packages"), agent_version="2", later_ms=PATIENCE_MS * 2)
    assert talk.open() == []


def test_an_older_agent_that_says_nothing_of_itself(database: Database) -> None:
    talk = Talk(database)
    talk.send(section(content(sl="1"), "dpkg"), section(Facts(), "rpm"))
    talk.send(names=("dpkg", "rpm"))
    talk.send(names=("dpkg",))
    talk.send(names=("dpkg",), later_ms=PATIENCE_MS)
    assert "no longer read: rpm" in talk.open()[0].message


def test_a_shorter_watch_list_is_a_finding_until_it_is_as_long_again(talk: Talk) -> None:
    talk.send(section(says(files_roots=["/etc"]), "agent"))
    (found,) = talk.open()
    assert "folders no longer told of: /opt/app" in found.message
    talk.send(section(says(files_roots=["/etc"], watch=False), "agent"))
    assert "no longer seen: changes as they happen" in talk.open()[0].message
    talk.send(section(says(files_roots=["/etc", "/opt"]), "agent"))
    assert talk.open() == []


def test_a_person_may_close_it_and_it_stays_closed(talk: Talk) -> None:
    talk.send(section(says(files_roots=["/etc"]), "agent"))
    (found,) = talk.open()
    with talk.database.write() as session:
        findings.close(session, found.id, "anna", "as planned", talk.now)
    talk.send(names=("agent", "dpkg"))
    assert talk.open() == []


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"files_roots": ("/etc",)}, {"files_roots": ("/",)}, {}),
        ({"files_roots": ("/etc",)}, {"files_roots": ("/etc/ssh",)}, {"files_roots": ["/etc"]}),
        ({}, {"readable_roots": ("/etc",)}, {"readable_roots": ["all others than /etc"]}),
        ({"readable_roots": ("/etc",)}, {}, {}),
        ({"files_exclude": ("/a",)}, {"files_exclude": ("/a", "/b")}, {"files_exclude": ["/b"]}),
        ({"files_exclude": ("/a",)}, {}, {}),
        ({"files_text_bytes": 9}, {"files_text_bytes": 0}, {"files_text_bytes": ["texts of configuration files"]}),
        ({"enabled": ("custom",)}, {}, {"enabled": ["custom"]}),
        ({"inventory_interval": 60}, {"inventory_interval": 600}, {}),
    ],
)
def test_what_is_less(before: dict[str, object], after: dict[str, object], lost: dict[str, list[str]]) -> None:
    if after.get("files_roots") == ("/",):
        after = {"files_roots": ("/etc", "/srv")}
    assert narrower(before, after) == lost


def test_what_a_spool_had_to_drop_is_a_finding_that_a_person_closes(talk: Talk) -> None:
    talk.send(names=("agent", "dpkg"), dropped=Dropped(reports=1, utilization_batches=2))
    talk.send(names=("agent", "dpkg"), dropped=Dropped(reports=1))
    (found,) = talk.open("dropped")
    assert "dropped 2 reports and 2 batches" in found.message
    with talk.database.write() as session:
        findings.close(session, found.id, "anna", "the disk was full", talk.now)
    assert talk.open("dropped") == []
