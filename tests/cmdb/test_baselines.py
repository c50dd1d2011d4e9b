"""Baselines in the record: what is in force is known at once, what differs is told, what is covered is counted."""

from sqlmodel import Session, select
from tests.support.timeline import DAY_MS, Timeline, clock

from driftline import facts, paths
from driftline_baseline.majority import Minority
from driftline_cmdb import record
from driftline_cmdb.baselines import comparing, coverage, groups, selection
from driftline_cmdb.database import Database
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.elements import Element, Path

RULE = """name: {name}
selector: {selector}
expect:
- path: "software.packages[dpkg/openssl/*].version"
  at_least: {least}
"""


def steps(database: Database, *many: tuple[str, str, dict[str, object]]) -> Timeline:
    line = Timeline(database)
    line.run({"steps": [{"at": at, kind: step} for at, kind, step in many]})
    return line


def rule(name: str, selector: str = "{ci: web1}", least: str = "3.0.11") -> str:
    return RULE.format(name=name, selector=selector, least=least)


def approved(name: str, document: str, at: str = "10:01") -> list[tuple[str, str, dict[str, object]]]:
    return [(at, "create", {"by": "alice", "document": document}), (at, "approve", {"name": name, "by": "bob"})]


def names(session: Session, ci: str) -> list[str]:
    found = record.find_ci(session, ci)
    return [one.name for one in selection.covering(session, [found])[found.id]]


def test_what_is_in_force_is_known_as_soon_as_it_is(database: Database) -> None:
    line = steps(
        database,
        ("10:00", "report", {"host": "web1", "packages": {"openssl": "3.0.11"}}),
        ("10:00", "report", {"host": "web2", "packages": {"openssl": "3.0.11"}}),
        *approved("one", rule("one")),
        *approved("all", rule("all", "{class: server}")),
    )
    with database.read() as session:
        assert names(session, "web1") == ["one", "all"] and names(session, "web2") == ["all"]
        table = selection.table(session)
        assert selection.table(session) is table
        assert list(table.by_ci) == ["web1"] and [one.name for one in table.others] == ["all"]
    line.retire({"name": "one", "by": "bob"}, clock("10:05"))
    with database.read() as session:
        assert names(session, "web1") == ["all"]
    with database.read() as session:  # what it changes is rolled back
        version = session.exec(select(BaselineVersion).where(BaselineVersion.state == "in force")).one()
        version.state = "superseded"
        session.add(version)
        session.flush()
        assert names(session, "web1") == []
    with database.read() as session:
        assert names(session, "web1") == ["all"]


def test_a_ci_moves_with_its_services(database: Database) -> None:
    steps(
        database,
        ("10:00", "report", {"host": "web1", "packages": {"openssl": "3.0.11"}}),
        ("10:00", "record", {"host": "web1", "services": ["shop", "mail"]}),
        *approved("shop", rule("shop", "{services: [shop]}", "3.0.14")),
        ("10:02", "expect", {"drifts": [{"state": "open"}]}),
        ("10:03", "record", {"host": "web1", "services": ["mail"]}),
        ("10:04", "expect", {"drifts": [{"state": "superseded"}], "all": True}),
    )


def test_versions_differ_by_rule_and_by_element(database: Database) -> None:
    document = rule("golden").replace("at_least: 3.0.11", "at_least: 3.0.14") + "ignore: [os.host.name]\n"
    steps(
        database,
        ("10:00", "report", {"host": "web1", "packages": {"openssl": "3.0.11", "bash": "5.2"}}),
        ("10:01", "create", {"by": "alice", "document": rule("golden")}),
        ("10:01", "approve", {"name": "golden", "by": "bob"}),
        ("10:02", "capture", {"host": "web1", "name": "golden", "by": "alice"}),
        ("10:02", "approve", {"name": "golden", "by": "bob"}),
        ("10:03", "report", {"host": "web1", "packages": {"openssl": "3.0.12", "sl": "5"}}),
        ("10:04", "edit", {"name": "golden", "by": "alice", "document": document}),
        ("10:04", "approve", {"name": "golden", "by": "bob"}),
        ("10:05", "capture", {"host": "web1", "name": "golden", "by": "alice", "leave_out": True}),
    )
    with database.read() as session:
        rules = comparing.compare_versions(session, "golden", 2, 3)
        assert [(one.change, one.part, one.before, one.after) for one in rules.rules] == [
            ("changed", "rule", "at_least: 3.0.11", "at_least: 3.0.14"),
            ("added", "ignore", None, "ignored"),
        ]
        assert rules.elements == 0
        pins = comparing.compare_versions(session, "golden", 3, 4)
        assert not pins.rules and pins.elements == 3
        assert [(one.change, one.path.partition("/")[2], one.before, one.after) for one in pins.pins] == [
            ("removed", "bash/amd64]", '{"version":"5.2"}', None),
            ("changed", "openssl/amd64].version", '"3.0.11"', '"3.0.12"'),
            ("added", "sl/amd64]", None, '{"version":"5"}'),
        ]


def test_coverage_counts_what_nobody_watches(database: Database) -> None:
    steps(
        database,
        ("10:00", "report", {"host": "web1", "packages": {"openssl": "1", "bash": "1"}, "sysctls": {"vm.x": 1}}),
        ("10:00", "report", {"host": "web2", "packages": {"openssl": "1", "bash": "1"}}),
        ("10:00", "report", {"host": "gone", "packages": {"bash": "1"}}),
        ("10:00", "record", {"host": "gone", "status": "in stock"}),
        *approved("one", rule("one")),
        *approved("nobody", rule("nobody", "{ci: web9}")),
    )
    with database.read() as session:
        found = coverage.coverage(session)
        assert (found.cis, found.uncovered, found.unmatched) == (2, ["web2"], ["nobody v1"])
        assert (found.sections["software"].attributes, found.sections["software"].watched) == (4, 1)
        assert found.unwatched == {"software.packages.version": 3, "os.sysctls.value": 1, "record.announced": 2}
        one = coverage.coverage(session, record.find_ci(session, "web1"))
        assert (one.cis, one.sections["software"].watched, one.unmatched) == (1, 1, [])


def test_a_group_names_who_is_not_as_most(database: Database) -> None:
    steps(
        database,
        *(
            ("10:00", "report", {"host": f"web{n}", "packages": {"openssl": "3.0.14" if n else "3.0.11", "sl": "5"}})
            for n in range(4)
        ),
        *(("10:01", "record", {"host": f"web{n}", "labels": {"role": "web"}}) for n in range(4)),
    )
    with database.write() as session:
        selector = groups.parse_group("role=web class=server")
        found = groups.capture_group(session, selector, "web", 75, "alice", DAY_MS)
        assert [(one.minority, one.hosts) for one in found.others] == [
            (Minority("software.packages[dpkg/openssl/amd64].version", "changed", '"3.0.14"', 1), ["web0"])
        ]
        assert found.others[0].show(4) == (
            "1 of 4 has another version of package openssl (dpkg, amd64) than 3.0.14: web0"
        )
        assert found.version.taken_from == "75 % of 4 CIs"


def test_an_element_is_made_of_its_attributes_as_it_came(database: Database) -> None:
    steps(
        database,
        (
            "10:00",
            "report",
            {"host": "web1", "packages": {"a/b]": "1"}, "users": {"root": 0}, "release": {"id": "debian"}},
        ),
    )
    with database.read() as session:
        rows = session.exec(select(Path.text, Element.content).join(Element)).all()
    assert {path.partition("[")[0] for path, _ in rows} == {
        "accounts.users", "os.release", "record", "software.packages",
    }  # fmt: skip
    for path, content in rows:
        made = facts.element_of(path, facts.attributes(path, content))
        assert made.content == content and made.digest == facts.element_digest(path, content), paths.schema_path(path)
