"""The catalog on record: versions, what would break, and CIs written by its rules."""

from typing import Any

import pytest
from sqlmodel import select
from tests.support.timeline import Timeline, clock

from driftline_cmdb import record
from driftline_cmdb.baselines.selection import covering
from driftline_cmdb.catalog import versions
from driftline_cmdb.cis.creating import NewCi, create_ci
from driftline_cmdb.cis.editing import edit_ci
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, Conflict, Invalid, NotFound, Refused
from driftline_cmdb.releases import gate, gate_policy
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Ci

NOW = clock("12:00")
DOCUMENT = """\
classes:
  - {name: hypervisor, meaning: a machine that runs virtual machines, based_on: server}
fields:
  - {name: cost_centre, type: text, pattern: "[0-9]{4}", of: [server]}
  - {name: tier, type: choice, choices: [gold, silver], of: [service], required: true}
  - {name: asset_tag, type: text, unique: true}
  - {name: cores, type: integer, of: [server]}
  - {name: vendor, type: reference, to: team}
"""


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with a catalog and some CIs."""
    with database.write() as session:
        versions.put(session, DOCUMENT, "root", "first", NOW)
        create(session, "dba", "team", mail="dba@example.com")
        create(session, "hv1", "hypervisor", cost_centre="4711", cores=8, asset_tag="A1", vendor="dba")
        create(session, "shop", "service", tier="gold")
        create(session, "fra1", "site")
    return database


def create(session: Any, name: str, ci_class: str, **fields: Any) -> Ci:
    return create_ci(session, NewCi(name, ci_class, "installed", fields=fields), "alice", NOW)


def refused(database: Database, name: str, **said: Any) -> str:
    with pytest.raises(Invalid) as error, database.write() as session:
        edit_ci(session, name, said, "alice", NOW)
    return str(error.value)


def test_nothing_is_on_record_at_first(database: Database) -> None:
    with database.read() as session:
        assert versions.in_force(session).number == 0
        assert versions.version(session, 0).author == "driftline"
        with pytest.raises(NotFound, match="no version 3; the newest is 0"):
            versions.version(session, 3)


def test_versions(filled: Database) -> None:
    with filled.write() as session:
        made, trial = versions.put(
            session, DOCUMENT.replace("gold, silver", "gold, silver, tin"), "root", "tin", NOW, 1
        )
        assert made.number == 2 and trial.changes == ("field tier of service changes",)
        with pytest.raises(Conflict, match="v2 came since you read v1"):
            versions.put(session, DOCUMENT, "root", "", NOW, 1)
        with pytest.raises(Conflict, match="in force already"):
            versions.put(session, made.document, "root", "", NOW)
        assert [one.number for one in versions.history(session)] == [2, 1, 0]
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "catalog.changed")).all()[-1]
        assert entry.detail == {"why": "tin", "changes": ["field tier of service changes"]}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("- {name: hypervisor, meaning: a machine that runs virtual machines, based_on: server}", "[]", "class"),
        ('pattern: "[0-9]{4}"', 'pattern: "[0-9]{5}"', 'hv1: field.cost_centre: "4711" does not match [0-9]{5}'),
        ("gold, silver", "silver", 'shop: field.tier: "gold" is not one of silver'),
        ("of: [service]", "of: [application]", "is of a field that CIs of class service have no more"),
        ("type: integer", "type: text", 'field.cores: "8" is 8 as text; set it anew'),
        ("to: team", "to: site", "is no site"),
    ],
)
def test_what_would_break_is_refused_and_named(filled: Database, before: str, after: str, said: str) -> None:
    document = DOCUMENT.replace(before, after)
    if after == "[]":
        document = document.replace("classes:\n  []", "classes: []")
        said = 'hv1: class: "hypervisor" is no class any more'
    with filled.read() as session:
        found = versions.check(session, document)
        assert len(found.broken) == 1 and said in found.broken[0].show()
    with pytest.raises(Refused) as error, filled.write() as session:
        versions.put(session, document, "root", "", NOW)
    assert said in str(error.value)


def test_a_field_that_becomes_unique_or_required(filled: Database) -> None:
    with filled.write() as session:
        create(session, "hv2", "hypervisor", cost_centre="4711")
        found = versions.check(
            session, DOCUMENT.replace("of: [server]}\n  - {name: tier", "of: [server], unique: true}\n  - {name: tier")
        )
        assert [one.show() for one in found.broken] == [
            'hv2: field.cost_centre: "4711" is hv1\'s too, and must be unique'
        ]
        found = versions.check(session, DOCUMENT.replace("type: integer", "type: integer, required: true"))
        assert found.broken == () and [(one.field, one.cis) for one in found.lacking] == [("cores", 1)]


def test_what_is_written_is_kept_by_type(filled: Database) -> None:
    with filled.write() as session:
        dba = record.find_ci(session, "dba")
        hv1 = record.find_ci(session, "hv1")
        assert hv1.fields == {"cost_centre": "4711", "cores": 8, "asset_tag": "A1", "vendor": dba.uid}
        edit_ci(session, "hv1", {"fields": {"cores": "16", "asset_tag": None}, "owner": " dba "}, "alice", NOW)
        assert hv1.fields == {"cost_centre": "4711", "cores": 16, "vendor": dba.uid} and hv1.owner == "dba"
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "ci.edited")).one()
        assert entry.detail["before"] == {"field.cores": 8, "field.asset_tag": "A1", "owner": None}
        assert entry.detail["after"] == {"field.cores": 16, "field.asset_tag": None, "owner": "dba"}


def test_nothing_changes_nothing(filled: Database) -> None:
    with filled.write() as session:
        edit_ci(session, "hv1", {"fields": {"cores": "8"}, "class": "hypervisor", "labels": {}}, "alice", NOW)
        assert not session.exec(select(AuditEntry).where(AuditEntry.action == "ci.edited")).all()


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("hv1", {"fields": {"cost_centre": "abc"}}, 'field.cost_centre: "abc" does not match'),
        ("hv1", {"fields": {"colour": "red"}}, "is of no field that CIs of class hypervisor have"),
        ("hv1", {"fields": {"vendor": "nobody"}}, 'field.vendor: "nobody" names no team; driftline ci create'),
        ("hv1", {"fields": {"vendor": "fra1"}}, "is a site, and must be a team"),
        ("shop", {"fields": {"tier": None}}, "field.tier: is required of class service; give it, one of gold, silver"),
        ("fra1", {"fields": {"asset_tag": "A1"}}, 'field.asset_tag: "A1" is hv1\'s already, and it must be unique'),
        ("hv1", {"class": "car"}, 'class: "car" is not one of server'),
        ("hv1", {"class": "team"}, 'class: "team" has no field.cost_centre, and it is "4711" here; clear it first'),
        ("fra1", {"class": "service"}, "field.tier: is required of class service"),
        ("hv1", {"status": "broken"}, 'status: "broken" is not one of planned'),
        ("hv1", {"owner": "x" * 201}, "is longer than 200 characters"),
        ("hv1", {"labels": {"": "x"}}, "is a label without a name of 1 to 200"),
        ("hv1", {"shoe": "x"}, "is nothing that people say"),
    ],
)
def test_what_is_refused(filled: Database, name: str, said: dict[str, Any], words: str) -> None:
    assert words in refused(filled, name, **said)


def test_all_that_is_wrong_is_told(filled: Database) -> None:
    found = refused(filled, "hv1", status="broken", fields={"cores": "many", "cost_centre": "1"})
    assert found.count("; ") == 2 and "status" in found and "cores" in found and "cost_centre" in found


def test_a_class_changes_with_its_fields(filled: Database) -> None:
    with filled.write() as session:
        cleared = {"class": "site", "fields": {"cost_centre": None, "cores": None}}
        edit_ci(session, "hv1", cleared, "alice", NOW)
        hv1 = record.find_ci(session, "hv1")
        assert hv1.ci_class == "site" and set(hv1.fields) == {"asset_tag", "vendor"}


def test_new_cis(filled: Database) -> None:
    for name, ci_class, fields, words in (
        ("mail", "service", {}, "field.tier: is required of class service; give it"),
        ("a\nb", "server", {}, "all of them printable"),
        ("x", "car", {}, "is not one of server"),
        ("import", "server", {}, "is an address of the API"),
        ("shop", "server", {}, "is named"),
    ):
        with pytest.raises(CmdbError, match=words), filled.write() as session:
            create(session, name, ci_class, **fields)


def test_baselines_select_by_fields(database: Database) -> None:
    timeline = Timeline(database)
    with database.write() as session:
        versions.put(session, DOCUMENT, "root", "", NOW)
    document = 'name: dear\nselector: {field.cost_centre: ["47*", "1"]}\nexpect: []\n'
    timeline.run(
        {
            "steps": [
                {"at": "8:00", "report": {"host": "web1", "packages": {"sl": "5"}}},
                {"at": "8:00", "report": {"host": "web2", "packages": {"sl": "5"}}},
                {"at": "8:02", "create": {"by": "alice", "document": document}},
                {"at": "8:03", "approve": {"name": "dear", "by": "bob"}},
            ]
        }
    )
    with database.write() as session:
        edit_ci(session, "web1", {"fields": {"cost_centre": "4711"}}, "alice", NOW)
        edit_ci(session, "web2", {"fields": {"cost_centre": "1234"}}, "alice", NOW)
        cis = [record.find_ci(session, name) for name in ("web1", "web2")]
        found = covering(session, cis)
        assert [[one.name for one in found[ci.id]] for ci in cis] == [["dear"], []]


def test_the_gate_asks_for_machines_only(filled: Database) -> None:
    with filled.read() as session:
        catalog, policy = versions.catalog_of(session), gate_policy.in_force(session)
        for name, expected in (("hv1", True), ("shop", False), ("dba", False)):
            ci = record.find_ci(session, name)
            ci.status = "in production"
            assert gate.is_in_production(policy, catalog, ci) is expected
