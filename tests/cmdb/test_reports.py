"""Ingest: what a report changes, and what it must not."""

import os
from dataclasses import replace

import pytest
from sqlmodel import col, select

from driftline import facts
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import record
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, Forked, Held, Invalid, NotFound, Refused, Rejected
from driftline_cmdb.packing import unpack_ids
from driftline_cmdb.reports import Committed, Ingest, Report, lacking, prepare_section
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.elements import Due, Holding, Path, Revision, Section
from driftline_cmdb.tables.sources import Source

NOW = 1_790_000_000_000


def content(**versions: str) -> Facts:
    out = Facts()
    for name, version in versions.items():
        out.software.packages.add(manager="dpkg", name=name, architecture="amd64", version=version, installed_at=5)
    return out


def section(
    parsed: Facts, name: str = "dpkg", at: int = NOW, unreadable: tuple[str, ...] = ()
) -> collector_pb2.Section:
    data = parsed.SerializeToString(deterministic=True)
    return collector_pb2.Section(
        name=name,
        outcome=collector_pb2.READ,
        content=data,
        digest=facts.digest_of(data),
        observed_at_ms=at,
        unreadable=unreadable,
    )


def add_source(database: Database, name: str = "one") -> int:
    with database.write() as session:
        source = Source(uid=name, hostname=name, enrolled_ms=NOW)
        session.add(source)
        session.flush()
        return source.id


def report(source: int, *sections: collector_pb2.Section, sequence: int = 1, continuation: bytes = b"") -> Report:
    return Report(
        source_id=source,
        epoch="epoch",
        sequence=sequence,
        continuation=continuation,
        digest=os.urandom(16),
        received_ms=NOW + sequence * 1000,
        sent_ms=NOW + sequence * 1000,
        agent_version="1",
        claims=collector_pb2.HostClaims(hostname=f"host{source}", machine_id=f"machine-{source}"),
        sections=tuple(prepare_section(item) for item in sections),
    )


def receipt(result: Committed | CmdbError) -> Committed:
    assert isinstance(result, Committed), result
    return result


def versions(database: Database, source: int) -> dict[str, object]:
    with database.read() as session:
        ci = record.find_ci(session, f"host{source}")
        return {value.path: value.value for value in record.facts_of(session, ci, ["software.packages[*].version"])}


def test_first_report_makes_a_ci_with_its_facts(database: Database) -> None:
    source = add_source(database)
    receipt(Ingest(database).commit([report(source, section(content(bash="5.2", sl="5")))])[0])
    assert versions(database, source) == {
        "software.packages[dpkg/bash/amd64].version": "5.2",
        "software.packages[dpkg/sl/amd64].version": "5",
    }
    with database.read() as session:
        ci = record.find_ci(session, "host1")
        state = record.facts_of(session, ci, ["software.packages[dpkg/sl/*].installed_at"])
        assert [(value.value, value.nature) for value in state] == [(5, "state")]
        assert record.history_of(session, ci) == []
        assert session.get(Due, ci.id) is not None


def test_elements_are_stored_once_for_the_fleet(database: Database) -> None:
    ingest = Ingest(database)
    sources = [add_source(database, name) for name in ("one", "two", "three")]
    for result in ingest.commit([report(source, section(content(bash="5.2", sl="5"))) for source in sources]):
        receipt(result)
    with database.read() as session:
        held = session.exec(select(Holding.element_id).where(col(Holding.source_id).in_(sources))).all()
    assert (len(held), len(set(held))) == (6, 2)


def test_history_and_the_past(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    first = receipt(ingest.commit([report(source, section(content(bash="5.2", sl="5")))])[0])
    later = section(content(bash="5.3", cow="1"), at=NOW + 60_000)
    receipt(ingest.commit([report(source, later, sequence=2, continuation=first.continuation)])[0])
    with database.read() as session:
        ci = record.find_ci(session, "host1")
        changes = {change.path: (change.before, change.after) for change in record.history_of(session, ci)}
        assert changes == {
            "software.packages[dpkg/bash/amd64].version": ("5.2", "5.3"),
            "software.packages[dpkg/cow/amd64]": (None, {"version": "1"}),
            "software.packages[dpkg/sl/amd64]": ({"version": "5"}, None),
        }
        past = record.facts_of(session, ci, ["software"], at_ms=NOW + 59_000)
        assert {value.path.split("/")[1]: value.value for value in past} == {"bash": "5.2", "sl": "5"}
        assert ci.version == 2


def test_a_retry_is_not_applied_twice(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    sent = report(source, section(content(bash="5.2")))
    first, second = (receipt(ingest.commit([sent])[0]) for _ in range(2))
    assert first.continuation == second.continuation
    with database.read() as session:
        assert len(session.exec(select(Revision).where(Revision.source_id == source)).all()) == 1


def test_a_rolled_back_agent_is_refused_and_found(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    receipt(ingest.commit([report(source, section(content(bash="5.2")))])[0])
    (result,) = ingest.commit([report(source, section(content(bash="6")))])
    assert isinstance(result, Rejected)
    assert "start a new epoch" in str(result)
    forged = report(source, section(content(bash="6")), sequence=2, continuation=b"forged")
    assert isinstance(ingest.commit([forged])[0], Rejected)
    assert versions(database, source) == {"software.packages[dpkg/bash/amd64].version": "5.2"}
    with database.read() as session:
        assert [finding.kind for finding in session.exec(select(Finding))] == ["roll-back"]


def test_two_holders_of_one_identity_are_quarantined(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    first = receipt(ingest.commit([report(source, section(content(bash="5.2")))])[0])
    newer = replace(report(source, section(content(bash="7"))), epoch="newer", received_ms=NOW + 5_000)
    assert isinstance(ingest.commit([newer])[0], Held)
    old = report(source, section(content(bash="6")), sequence=2, continuation=first.continuation)
    assert isinstance(ingest.commit([replace(old, received_ms=NOW + 16_000)])[0], Forked)
    assert isinstance(ingest.commit([newer])[0], Refused)
    assert versions(database, source) == {"software.packages[dpkg/bash/amd64].version": "5.2"}
    with database.read() as session:
        assert [finding.kind for finding in session.exec(select(Finding))] == ["clone"]


def test_both_holders_in_one_batch_are_told_apart(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    first = receipt(ingest.commit([report(source, section(content(bash="5.2")))])[0])
    newer = replace(report(source, section(content(bash="7"))), epoch="newer", received_ms=NOW + 5_000)
    old = report(source, section(content(bash="6")), sequence=2, continuation=first.continuation)
    results = ingest.commit([newer, replace(old, received_ms=NOW + 6_000)])
    assert [type(one) for one in results] == [Held, Forked]
    assert versions(database, source) == {"software.packages[dpkg/bash/amd64].version": "5.2"}


def test_a_holder_that_called_once_and_went_does_not_hold_the_other_up(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    first = receipt(ingest.commit([report(source, section(content(bash="5.2")))])[0])
    newer = replace(report(source, section(content(bash="7"))), epoch="newer", received_ms=NOW + 5_000)
    assert isinstance(ingest.commit([newer])[0], Held)
    late = report(source, section(content(bash="6")), sequence=2, continuation=first.continuation)
    receipt(ingest.commit([replace(late, received_ms=NOW + 3_600_000, sent_ms=NOW + 3_600_000)])[0])


def test_one_bad_report_harms_no_other(database: Database) -> None:
    """Two sections that report the same path cannot both be applied; the batch's other reports are."""
    ingest = Ingest(database)
    good, bad, unknown = add_source(database, "good"), add_source(database, "bad"), 999
    same = content(bash="5.2")
    results = ingest.commit(
        [
            report(good, section(content(bash="5.2"))),
            report(bad, section(same), section(same, name="other")),
            report(unknown, section(same)),
        ]
    )
    receipt(results[0])
    assert isinstance(results[1], Invalid)
    assert "already reported by another section" in str(results[1])
    assert isinstance(results[2], NotFound)
    assert len(versions(database, good)) == 1
    with database.read() as session:
        assert session.get_one(Source, bad).epoch is None


def test_unreadable_keeps_what_is_known(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    parsed = Facts()
    parsed.hardware.system.product = "X1"
    parsed.hardware.system.serial_number = "S1"
    one = receipt(ingest.commit([report(source, section(parsed, "dmi"))])[0])
    parsed.hardware.system.ClearField("serial_number")
    parsed.hardware.system.product = "X2"
    partly = section(parsed, "dmi", unreadable=("hardware.system.serial_number",))
    two = receipt(ingest.commit([report(source, partly, sequence=2, continuation=one.continuation)])[0])
    gone = collector_pb2.Section(
        name="dmi", outcome=collector_pb2.UNREADABLE, reason="no permission", observed_at_ms=NOW + 5
    )
    receipt(ingest.commit([report(source, gone, sequence=3, continuation=two.continuation)])[0])
    with database.read() as session:
        ci = record.find_ci(session, "host1")
        values = {value.path: (value.value, value.stale) for value in record.facts_of(session, ci, ["hardware"])}
        assert values == {
            "hardware.system.product": ("X2", True),
            "hardware.system.serial_number": ("S1", True),
        }


def test_lacking_compares_with_what_is_applied(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    sent = section(content(bash="5.2"))
    receipt(ingest.commit([report(source, sent)])[0])
    manifest = collector_pb2.Manifest(observed_at_ms=NOW)
    manifest.sections.add(name="dpkg", digest=sent.digest)
    with database.read() as session:
        assert lacking(session, source, manifest) == ()
        manifest.sections.add(name="users", digest=b"x" * 16)
        assert lacking(session, source, manifest) == ("users",)
    with database.write() as session:
        row = session.exec(select(Section).where(Section.source_id == source)).one()
        row.applied_schema = "an older one"
        session.add(row)
    with database.read() as session:
        assert lacking(session, source, manifest) == ("dpkg", "users")


def test_skew_is_taken_out_of_observed_times(database: Database) -> None:
    ingest, source = Ingest(database), add_source(database)
    ahead = replace(report(source, section(content(bash="5"), at=NOW + 3_600_000)), sent_ms=NOW + 3_601_000)
    receipt(ingest.commit([ahead])[0])
    with database.read() as session:
        assert session.exec(select(Revision.observed_ms).where(Revision.source_id == source)).one() == NOW


def test_reports_of_a_machine_that_is_on_record_are_kept_and_wait_for_a_person(database: Database) -> None:
    ingest = Ingest(database)
    one, two = add_source(database, "one"), add_source(database, "two")
    claims = collector_pb2.HostClaims(hostname="twin", machine_id="m")
    results = [
        receipt(ingest.commit([replace(report(source, section(content(bash="5"))), claims=claims)])[0])
        for source in (one, two)
    ]
    with database.read() as session:
        (ci,) = session.exec(select(Ci)).all()
        assert [result.ci_id for result in results] == [ci.id, None]
        assert [finding.kind for finding in session.exec(select(Finding))] == ["identity"]
        assert len(session.exec(select(Holding).where(Holding.source_id == two)).all()) == 1


GOOD = section(content(bash="5.2"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"content": GOOD.content[:-1], "digest": facts.digest_of(GOOD.content[:-1])}, "truncated"),
        ({"digest": b"x" * 16}, "digest is not the digest of its content"),
        ({"name": "../etc"}, "is not the name of a topic"),
        ({"outcome": collector_pb2.OUTCOME_UNSPECIFIED}, "outcome is not set"),
        ({"outcome": collector_pb2.ABSENT}, "content must be empty"),
        ({"observed_at_ms": 0}, "observed_at_ms is not set"),
    ],
)
def test_bad_sections_are_refused(changes: dict[str, object], words: str) -> None:
    bad = collector_pb2.Section()
    bad.CopyFrom(GOOD)
    for name, value in changes.items():
        setattr(bad, name, value)
    with pytest.raises(Invalid, match=words):
        prepare_section(bad)


def test_doubled_elements_are_refused() -> None:
    doubled = content(bash="1")
    doubled.software.packages.add(manager="dpkg", name="bash", architecture="amd64", version="2")
    with pytest.raises(Invalid, match="stands twice"):
        prepare_section(section(doubled))


@pytest.mark.parametrize("name", ["record", "dpkg"])
def test_no_agent_may_report_what_only_the_record_says(name: str) -> None:
    said = content(bash="5.2")
    said.record.announced = True
    with pytest.raises(Invalid, match=f"{name}: record is what driftline itself puts on record; no source may report"):
        prepare_section(section(said, name))


def test_a_change_beside_another_schema_is_told_from_what_the_schema_reads_anew(database: Database) -> None:
    source = add_source(database)
    ingest = Ingest(database)
    first = content(bash="5.2", sl="5", vim="9")
    done = receipt(ingest.commit([report(source, section(first))])[0])
    with database.write() as session:
        row = session.exec(select(Section).where(Section.source_id == source)).one()
        row.applied_schema = "an older one"
    later = content(bash="5.3", sl="5", joe="4")
    later.software.packages[1].vendor = "someone"  # a field that the older schema did not have
    later.software.packages.sort(key=lambda package: package.name)
    receipt(ingest.commit([report(source, section(later), sequence=2, continuation=done.continuation)])[0])
    with database.read() as session:
        revisions = session.exec(select(Revision).order_by(col(Revision.id))).all()
        paths = {
            revision.rereading: {session.get_one(Path, each).text for each in unpack_ids(revision.changed_paths)}
            for revision in revisions[-2:]
        }
    named = {name: f"software.packages[dpkg/{name}/amd64]" for name in ("bash", "sl", "vim", "joe")}
    assert paths == {"": {named["bash"], named["vim"], named["joe"]}, "dpkg by another schema": {named["sl"]}}
