"""What every topic must hold, whatever it reads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.site import until

from driftline import schema
from driftline.facts import digest_of, elements, flatten, parse, state
from driftline.paths import schema_path
from driftline.v1.collector_pb2 import ABSENT, READ, UNREADABLE
from driftline.v1.facts_pb2 import Facts
from driftline_agent.choices import CONTAINER_SOCKETS, CUSTOM_FOLDERS, Choices
from driftline_agent.devices import topic
from driftline_agent.host import Host
from driftline_agent.inputs import Inputs
from driftline_agent.inventory import Result, read_topic, select, take
from driftline_agent.topic import Reading, Topic, all_topics

TOPICS = all_topics()
KEY = bytes(range(32))
EACH = pytest.mark.parametrize("name", TOPICS)
CASES = Path(__file__).parent / "cases"


def read(name: str) -> Result:
    """Read a topic of this host; where a package manager is at work, as on a young host, afterwards."""

    def settled() -> Result | None:
        result = read_topic(name, TOPICS[name], Host(), KEY)
        return None if result.busy else result

    result = until(f"{name} is at rest", settled)
    assert isinstance(result, Result)
    return result


def covers(one: Topic | topic.DeviceTopic, path: str) -> bool:
    return any(path == fill or path.startswith(fill + ".") for fill in one.fills)


def test_topics_are_found_by_being_there() -> None:
    folder = Path(__file__).parents[2] / "agent/driftline_agent/topics"
    assert set(TOPICS) == {path.stem for path in folder.glob("*.py")} - {"__init__"}


def test_every_field_of_the_schema_has_a_topic() -> None:
    leaves = [field.path for field in schema.walk() if field.message is None and field.origin == schema.REPORTED]
    every = [*TOPICS.values(), *topic.all_topics().values()]
    assert [path for path in leaves if not any(covers(one, path) for one in every)] == []


def test_what_topics_fill_is_in_the_schema() -> None:
    for one in (*TOPICS.values(), *topic.all_topics().values()):
        for path in one.fills:
            assert schema.field_at(path) is not None, path


@EACH
def test_result_says_what_why_and_how_long(name: str) -> None:
    result = read(name)
    section = result.section
    assert section.name == name and section.revision >= 1
    assert result.outcome in (READ, ABSENT), section.reason
    assert 0 < result.duration < 60
    assert section.observed_at_ms > 0
    assert section.digest == digest_of(section.content)
    assert (section.outcome == READ) == bool(result.reading)


@EACH
def test_two_readings_of_an_idle_host_are_the_same_bytes(name: str) -> None:
    drifting = [elements(parse(read(name).section.content)) for _ in range(2)]
    assert drifting[0] == drifting[1]


@EACH
def test_lists_are_sorted_by_key(name: str) -> None:
    reading = read(name).reading
    if reading is None:
        return

    def check(plan: schema.Plan, message: object) -> None:
        for field in plan.fields:
            if field.message is None:
                continue
            below = getattr(message, field.name)
            if field.repeated:
                keys = [tuple(getattr(child, key) for key in field.message.keys) for child in below]
                assert keys == sorted(set(keys)), field.path
                for child in below:
                    check(field.message, child)
            else:
                check(field.message, below)

    check(schema.FACTS, reading.facts)


@EACH
def test_a_topic_fills_what_it_declares_and_nothing_else(name: str) -> None:
    reading = read(name).reading
    if reading is not None:
        for path in flatten(reading.facts):
            assert covers(TOPICS[name], schema_path(path)), path


@EACH
def test_what_may_not_be_read_is_unreadable_and_never_gone(name: str) -> None:
    switched_on = Choices(custom_folders=CUSTOM_FOLDERS, container_sockets=CONTAINER_SOCKETS)
    result = read_topic(name, TOPICS[name], Host(readable=["/nonexistent"], choices=switched_on), KEY)
    if name in ("agent", "interfaces", "neighbours", "routes", "rules") and result.outcome == READ:
        return  # they ask the configuration or the kernel, not files
    assert result.outcome == UNREADABLE
    assert "outside of the configured readable_roots" in result.section.reason
    assert not result.section.content and not result.section.digest


@EACH
def test_an_empty_host_fails_no_topic_unexpectedly(name: str, tmp_path: Path) -> None:
    result = read_topic(name, TOPICS[name], Host(str(tmp_path)), KEY)
    assert result.outcome in (READ, ABSENT) or ": " in result.section.reason
    assert "Error" not in result.section.reason


def test_no_element_has_two_topics() -> None:
    owner: dict[str, str] = {}
    for result in take(Host(), KEY):
        if result.reading is not None:
            for path in elements(result.reading.facts):
                assert path not in owner, f"{path}: {owner[path]} and {result.name}"
                owner[path] = result.name
    assert len(owner) > 100


def test_absent_is_never_spelled_out() -> None:
    whole = Facts()
    for result in take(Host(), KEY):
        if result.reading is not None:
            whole.MergeFrom(result.reading.facts)
    words = {"unknown", "none", "n/a", "-1", "null"}
    allowed = {
        "os.host.virtualization",
        "accounts.users.password_status",
        "accounts.groups.password_status",
        "accounts.policy.settings.value",
        "services.ssh_server.settings.values",
        "os.security.lockdown",
        "os.sysctls.value",
    }
    for path, value in flatten(whole).items():
        if schema_path(path) not in allowed:
            assert str(value).lower() not in words, path


def test_nothing_secret_leaves_in_clear() -> None:
    for result in take(Host(), KEY):
        if result.reading is not None:
            for path, value in flatten(result.reading.facts).items():
                field = schema.field_at(schema_path(path))
                assert field is not None
                if field.secret:
                    assert str(value).startswith("sealed:"), path


def test_a_topic_that_breaks_is_one_unreadable_section() -> None:
    def broken(_: Host) -> "object":
        raise ZeroDivisionError("division by zero")

    topics = {**select(["kernel"]), "broken": Topic(revision=1, fills=(), collect=broken)}  # type: ignore[arg-type]  # broken on purpose
    results = {result.name: result for result in take(Host(), KEY, topics)}
    assert results["kernel"].outcome == READ
    assert results["broken"].outcome == UNREADABLE
    assert results["broken"].section.reason == "ZeroDivisionError: division by zero"


def test_boot_times_and_the_like_are_state() -> None:
    (result,) = take(Host(), KEY, select(["host"]))
    assert result.reading is not None
    assert state(result.reading.facts).os.host.booted_at == result.reading.facts.os.host.booted_at
    assert b"booted" not in elements(result.reading.facts)["os.host"].content


_UNPRIVILEGED = """
import json, os
from driftline_agent.host import Host
from driftline_agent.inventory import take
list(take(Host(), bytes(32)))
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
found = {r.name: [r.outcome, list(r.section.unreadable), r.section.reason] for r in take(Host(), bytes(32))}
print(json.dumps(found))
"""


def test_without_privileges_nothing_is_lost_that_anybody_may_read() -> None:
    run = subprocess.run([sys.executable, "-c", _UNPRIVILEGED], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert {name for name, (outcome, _, _) in found.items() if outcome == UNREADABLE} == set()
    assert {"accounts.users[*].password", "accounts.users[*].password_status"} <= set(found["users"][1])
    assert not any("uid" in path or "home" in path or "shell" in path for path in found["users"][1])
    assert found["users"][2] == "/etc/shadow: permission denied"
    assert found["groups"][1] == ["accounts.groups[*].administrators", "accounts.groups[*].password_status"]


@EACH
def test_raw_inputs_are_of_every_element_and_stay(name: str, tmp_path: Path) -> None:
    """What an agent keeps to tell a change from another reading: there for each element, the same while nothing is."""
    first = read(name).reading
    if first is None or not (inputs := inputs_of(first)):
        return
    missing = elements(first.facts).keys() - inputs.keys()
    assert missing == set()
    again = read(name).reading
    assert again is not None and inputs_of(again) == inputs
    state, key = tmp_path / "state", bytes(32)
    state.mkdir(mode=0o700)
    Inputs(state, key).note(read(name).section, first)
    kept = (state / "inputs" / name).read_bytes()
    assert not any(value in kept for value in inputs.values() if len(value) > 8)


def inputs_of(reading: Reading) -> dict[str, bytes]:
    return reading.inputs or (reading.raw(reading.facts) if reading.raw is not None else {})


def test_topics_that_read_files_give_raw_inputs() -> None:
    there = {name for name in TOPICS if (one := read(name).reading) is not None and inputs_of(one)}
    assert there >= {"cron", "dpkg", "files", "groups", "names", "policy", "release"}
    assert there >= {"repositories", "resolver", "sudoers", "sysctl", "timers", "units", "users"}


def test_a_change_is_seen_in_the_raw_input_of_its_element_alone(tmp_path: Path) -> None:
    """Whatever a newer agent makes of them: what nobody wrote to is known to be the same."""
    changes = {
        "users": ("/etc/passwd", "a:x:1:1::/:/bin/sh\nb:x:2:2::/:/bin/sh\n", "b:x:2", "b:x:3", "accounts.users[b]"),
        "groups": ("/etc/group", "a:x:1:\nb:x:2:\n", "b:x:2", "b:x:3", "accounts.groups[b]"),
        "cron": ("/etc/cron.d/b", "1 * * * * root b\n", "1 *", "2 *", "services.crontabs[\\/etc\\/cron.d\\/b]"),
        "policy": ("/etc/login.defs", "UMASK 022\n", "022", "077", "accounts.policy"),
        "files": ("/etc/motd", "one\n", "one", "two", "files.files[\\/etc\\/motd]"),
        "release": ("/etc/os-release", "ID=debian\n", "debian", "ubuntu", "os.release"),
    }
    for path, text, *_ in [*changes.values(), ("/etc/shadow", ""), ("/etc/gshadow", ""), ("/etc/shells", "/bin/sh\n")]:
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).write_text(text)
    host = Host(str(tmp_path))

    def inputs() -> dict[str, dict[str, bytes]]:
        found = {name: read_topic(name, TOPICS[name], host, KEY).reading for name in changes}
        return {name: inputs_of(one) for name, one in found.items() if one is not None}

    before = inputs()
    for path, _, old, new, _ in changes.values():
        (tmp_path / path[1:]).write_text((tmp_path / path[1:]).read_text().replace(old, new))
    after = inputs()
    for name, (*_, expected) in changes.items():
        changed = [path for path in before[name].keys() | after[name].keys()
                   if before[name].get(path) != after[name].get(path)]  # fmt: skip
        if name == "files":
            changed = [path for path in changed if "motd" in path]
        assert changed and all(path.startswith(expected) for path in changed), (name, changed)
