"""Nothing that another inventory says of this host is unknown to driftline, or said worse; see bench/coverage.py."""

import os
import re
from functools import cache

import pytest
from bench import coverage
from bench.coverage_inputs import PEERS, ask, installed, leaves, of_ansible, of_lshw, of_xml
from bench.coverage_rules import RULES, rule_of

from driftline import schema

IN_BRACKETS = re.compile(r"\[(?:[^\]\\]|\\.)*\]")


@cache
def own() -> coverage.Ours:
    return coverage.own()


def lines(name: str) -> list[coverage.Line]:
    return coverage.read_lines((coverage.DATA / f"{name}.tsv").read_text())


@pytest.mark.parametrize("name", ["facter", "lshw"])
def test_this_host(name: str) -> None:
    if not installed(PEERS[name]):
        pytest.skip(f"{name} is not installed: make test-tools")
    if os.geteuid():
        pytest.skip("needs root, as the peers do")
    theirs = ask(PEERS[name])
    assert len(theirs) > 50
    first = coverage.compare(theirs, lines(name), own())
    assert not first.unmapped
    if first.different:  # what changed between the two readings agrees the second time
        first = coverage.compare(ask(PEERS[name]), lines(name), coverage.own())
    assert not first.different
    assert first.counts["equal"] > len(theirs) // 3


@pytest.mark.parametrize("name", PEERS)
def test_each_line_names_a_fact_or_a_reason(name: str) -> None:
    known = set(schema_paths())
    for line in lines(name):
        for template in line.ours:
            plain = IN_BRACKETS.sub("", template)
            assert plain in known, f"{name}: {line.pattern}: {template}"
        assert len(line.expression.groupindex) == line.pattern.count("{"), line.pattern


def schema_paths(plan: schema.Plan = schema.FACTS, path: str = "") -> list[str]:
    out = []
    for field in plan.by_name.values():
        name = f"{path}.{field.name}" if path else field.name
        out.append(name)
        if field.message is not None:
            out.extend(schema_paths(field.message, name))
    return out


@pytest.mark.parametrize(
    ("rule", "theirs", "ours", "agree"),
    [
        ("units", "256.00 GiB", "274877906944", True),
        ("units", "512 KB", "524288", True),
        ("units", "255.00 GiB", "274877906944", False),
        ("sectors", "536870912", "274877906944", True),
        ("MiB", "24105", "25276063744", True),
        ("MB", "274877", "274877906944", True),
        ("number", "16777317", "0x1000065", True),
        ("netmask", "255.255.255.0", "192.0.2.2/24", True),
        ("netmask", "255.255.0.0", "192.0.2.2/24", False),
        ("network", "fd00::", "fd00::2/64", True),
        ("length", "24", "192.0.2.2/24", True),
        ("address", "fe80::1%eth0", "fe80::1/64", True),
        ("day", "2025/05/24 14:37:46", "1748097466", True),
        ("day", "2025/04/24 14:37:46", "1748097466", False),
        ("truth", "Down", "true", False),
        ("truth", "off", "false", True),
        ("time zone", "UTC", "Etc/UTC", True),
        ("options", "rw,relatime,bind", "relatime rw", True),
        ("options", "rw,noexec", "relatime rw", False),
        ("hdd=true,ssd=false", "hdd", "true", True),
        ("begins", "3.1.7", "3.1.2-7", False),
    ],
)
def test_rules(rule: str, theirs: str, ours: str, agree: bool) -> None:
    assert rule_of(rule)(theirs, ours) is agree


def test_no_rule_fails_on_junk() -> None:
    for name, rule in RULES.items():
        for theirs in ("", "x", "-1", "\0", "9" * 400, "::"):
            for ours in ("", "x", "-1", "9" * 400):
                assert rule(theirs, ours) in (True, False), name


def test_a_value_that_differs_and_one_that_no_line_is_for() -> None:
    ours = coverage.Ours({"os.kernel.release": "6.1", "software.packages[dpkg/a.b/amd64].version": "1"})
    text = (
        "kernel\tos.kernel.release\tequal\npackages . {name} . version\tsoftware.packages[*/{name}/*].version\tequal\n"
    )
    theirs = leaves({"kernel": "6.2", "packages": {"a.b": {"version": "1"}, "c": {"version": None}}, "new": 1})
    result = coverage.compare(theirs, coverage.read_lines(text), ours)
    assert [path for path, *_ in result.different] == ["kernel"]
    assert result.unmapped == [("new", "1")]
    assert result.counts == {"equal": 1, "says nothing": 1}
    assert not result.good


@pytest.mark.parametrize("row", ["a\t-\tboring\t\tx", "a\t-\ttrivia", "a\tos.kernel.name\tequal\tbetter"])
def test_a_line_without_its_reason_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        coverage.read_lines(row)


def test_outputs_of_peers() -> None:
    ansible = 'localhost | SUCCESS => {"ansible_facts": {"ansible_interfaces": ["br-0"], "ansible_br_0": {"mtu": 1}}}'
    assert (("interfaces", "br-0", "mtu"), "1") in list(of_ansible(ansible))
    xml = "<REQUEST><CONTENT><SOFTWARES><NAME>a:amd64</NAME><ARCH>amd64</ARCH></SOFTWARES></CONTENT></REQUEST>"
    assert (("SOFTWARES", "a", "amd64", "ARCH"), "amd64") in list(of_xml(xml))
    lshw = '{"class": "system", "id": "h", "children": [{"class": "disk", "logicalname": "/dev/sda", "size": 5}]}'
    assert (("disk", "/dev/sda", "size"), "5") in list(of_lshw(lshw))
