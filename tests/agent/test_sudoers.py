"""sudoers(5): what is read of a file is what sudo's own cvtsudoers makes of it (recorded: fixtures/sudoers/ORIGIN)."""

import json
from pathlib import Path
from typing import Any

import pytest

from driftline.facts import elements
from driftline.paths import matches_any
from driftline_agent import sudoers
from driftline_agent.host import Host
from driftline_agent.topic import Reading, all_topics

FIXTURES = Path(__file__).parents[1] / "fixtures/sudoers"
Object = dict[str, Any]
#: How cvtsudoers names options of a command, and how sudoers(5) does.
_TAGS = {
    "authenticate": "PASSWD", "setenv": "SETENV", "noexec": "EXEC", "follow": "FOLLOW", "sudoedit_follow": "FOLLOW",
    "log_input": "LOG_INPUT", "log_output": "LOG_OUTPUT", "send_mail": "MAIL", "intercept": "INTERCEPT",
}  # fmt: skip
_OPTIONS = {"cwd": "CWD", "runcwd": "CWD", "chroot": "CHROOT", "runchroot": "CHROOT", "role": "ROLE", "type": "TYPE"}


def name_of(item: Object) -> str:
    sign = "!" if item.get("negated") else ""
    prefixes = {
        "usergroup": "%", "userid": "#", "usergid": "%#", "netgroup": "+", "nonunixgroup": "%:", "nonunixgid": "%:#",
        "networkaddr": "", "hostname": "",
    }  # fmt: skip
    for kind, value in item.items():
        if kind == "command":
            digests: list[str] = []
            for key in ("sha224", "sha256", "sha384", "sha512"):
                found = item.get(key)
                digests += [f"{key}:{one}" for one in ([found] if isinstance(found, str) else found or [])]
            return " ".join([*digests, sign + value])
        if kind in prefixes or kind.endswith(("alias", "name")):
            return f"{sign}{prefixes.get(kind, '')}{value}"
    raise AssertionError(item)


def names(items: list[Object] | None) -> list[str]:
    return [name_of(item) for item in items or []]


def their_rules(specs: list[Object]) -> list[tuple[object, ...]]:
    out: list[tuple[object, ...]] = []
    for spec in specs:
        implied = False
        for group in spec["Cmnd_Specs"]:
            tags: set[str] = set()
            options: set[str] = set()
            for option in group.get("Options", []):
                for key, value in option.items():
                    if key in _TAGS:
                        positive = value if key != "noexec" else not value
                        tags.add(_TAGS[key] if positive else f"NO{_TAGS[key]}")
                    elif key in _OPTIONS:
                        options.add(f"{_OPTIONS[key]}={value}")
                    else:
                        options.add(key)
            run_as = None
            if "runasusers" in group or "runasgroups" in group:
                # cvtsudoers writes %name for a group where only groups can stand.
                groups = (name.removeprefix("%") for name in names(group.get("runasgroups")))
                run_as = (tuple(names(group.get("runasusers"))), tuple(groups))
            for command in group["Commands"]:
                hosts, who = tuple(names(spec["Host_List"])), tuple(names(spec["User_List"]))
                # sudoers(5): ALL implies the tag SETENV, from there on. We tell what is written.
                implied = implied or name_of(command).endswith("ALL")
                said = tags - {"SETENV"} if implied else tags
                out.append((who, hosts, run_as, frozenset(said), frozenset(options), name_of(command)))
    return out


def our_rules(rules: list[sudoers.Rule]) -> list[tuple[object, ...]]:
    out: list[tuple[object, ...]] = []
    for rule in rules:
        options = set()
        for option in rule.options:
            name, _, value = option.partition("=")
            shown = {"TIMEOUT": "command_timeout", "NOTBEFORE": "notbefore", "NOTAFTER": "notafter"}.get(name)
            options.add(shown or f"{name}={value}")
        # () is the user himself, whom cvtsudoers gives no name.
        run_as = (("",), ()) if rule.run_as == ([], []) else rule.run_as and tuple(map(tuple, rule.run_as))
        out.append((tuple(rule.who), tuple(rule.hosts), run_as, frozenset(rule.tags), frozenset(options), rule.command))
    return out


def their_defaults(found: list[Object]) -> list[tuple[str, str, str]]:
    out: list[tuple[str, str, str]] = []
    for default in found:
        binding = default.get("Binding", [])
        scope = ",".join(names(binding))
        for option in default["Options"]:
            operation = {"list_add": "+=", "list_remove": "-=", "list_assign": "="}.get(option.get("operation"), "=")
            for name, value in option.items():
                if name == "operation":
                    continue
                if isinstance(value, bool):
                    out.append((scope, name, "true" if value else "false"))
                else:
                    text = " ".join(value) if isinstance(value, list) else value
                    out.append((scope, name, f"{operation} {text}"))
    return out


CASES = sorted(FIXTURES.glob("*.sudoers"))


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_as_cvtsudoers_has_it(case: Path) -> None:
    ours = sudoers.parse(case.read_text())
    theirs = json.loads(case.with_suffix(".json").read_text())
    assert our_rules(ours.rules) == their_rules(theirs.get("User_Specs", []))
    defaults = [(scope.lstrip("@:!>"), name, value) for scope, name, value in ours.defaults]
    assert defaults == their_defaults(theirs.get("Defaults", []))
    kinds = {"User_Aliases": "User", "Runas_Aliases": "Runas", "Host_Aliases": "Host", "Command_Aliases": "Cmnd"}
    aliases = {
        (f"{kind}_Alias", name): names(members)
        for section, kind in kinds.items()
        for name, members in theirs.get(section, {}).items()
    }
    assert {(kind, name): members for kind, name, members in ours.aliases} == aliases
    assert ours.rules or ours.defaults


def read(root: Path, files: dict[str, str]) -> Reading:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return all_topics()["sudoers"].collect(Host(str(root)))


MAIN = "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n%ops ALL=(ALL) ALL\n"


def test_rules_of_what_is_included(tmp_path: Path) -> None:
    files = {
        "etc/sudoers": MAIN,
        "etc/sudoers.d/ops": "alice,bob web1, web2=(www : www) NOPASSWD: /bin/a, /bin/b --password=hunter2\n"
        "@include more\n",
        "etc/sudoers.d/more": "Defaults:alice !requiretty, env_keep += X\nDefaults:alice env_keep += Y\n",
        "etc/sudoers.d/ignored.bak": "eve ALL=ALL\n",
        "etc/sudoers.d/ignored~": "eve ALL=ALL\n",
    }
    reading = read(tmp_path, files)
    assert not reading.unreadable
    sudo = reading.facts.accounts.sudo
    rules = {(rule.file, rule.who, rule.hosts, rule.run_as): list(rule.commands) for rule in sudo.rules}
    both = ["NOPASSWD: /bin/a", "NOPASSWD: /bin/b --password=[redacted]"]
    assert rules == {
        ("/etc/sudoers", "root", "ALL", "ALL:ALL"): ["ALL"],
        ("/etc/sudoers", "%ops", "ALL", "ALL"): ["ALL"],
        ("/etc/sudoers.d/ops", "alice", "web1,web2", "www:www"): both,
        ("/etc/sudoers.d/ops", "bob", "web1,web2", "www:www"): both,
    }
    assert {(default.scope, default.name): list(default.values) for default in sudo.defaults} == {
        (":alice", "env_keep"): ["+= X", "+= Y"], (":alice", "requiretty"): ["false"],
    }  # fmt: skip


def test_a_rule_more_moves_no_other(tmp_path: Path) -> None:
    before = elements(read(tmp_path, {"etc/sudoers": MAIN}).facts)
    after = elements(read(tmp_path, {"etc/sudoers": f"eve ALL=ALL\n{MAIN}"}).facts)
    assert before.items() <= after.items() and len(after) == len(before) + 1


@pytest.mark.parametrize(
    "text",
    ["alice ALL\n", "alice ALL=(root ALL\n", 'Defaults x="open\n', "User_Alias lower = a\n", "a b c\n", "a ALL=\n"],
)
def test_a_file_that_cannot_be_parsed_is_unreadable(text: str, tmp_path: Path) -> None:
    reading = read(tmp_path, {"etc/sudoers": MAIN, "etc/sudoers.d/bad": f"\n{text}"})
    reason = reading.unreadable[r"accounts.sudo.rules[\/etc\/sudoers.d\/bad/*]"]
    assert reason.startswith("/etc/sudoers.d/bad: line 2: ")
    assert [rule.who for rule in reading.facts.accounts.sudo.rules] == ["%ops", "root"]
    assert matches_any(reading.unreadable, r"accounts.sudo.rules[\/etc\/sudoers.d\/bad/eve/ALL/]")
    assert not matches_any(reading.unreadable, r"accounts.sudo.rules[\/etc\/sudoers/root/ALL/ALL:ALL]")


@pytest.mark.parametrize("text", ["\\" * 5000, "ALL," * 3000, "(" * 3000, '"' * 3001, "\0\xff", "a ALL=" + "!" * 5000])
def test_nonsense_ends_soon(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, {"etc/sudoers": text}).unreadable or "\0" in text


def test_options_that_cvtsudoers_cannot_print() -> None:
    text = "u ALL = CWD=/tmp ROLE=a_r TYPE=a_t /bin/a, /bin/b\n"
    assert [rule.text() for rule in sudoers.parse(text).rules] == [
        "CWD=/tmp ROLE=a_r TYPE=a_t /bin/a",
        "CWD=/tmp ROLE=a_r TYPE=a_t /bin/b",
    ]


DOAS = """# comment
permit persist :wheel
permit nopass keepenv setenv { PS1 SECRET=hunter2 -X } alice as root cmd /bin/a args --password hunter2
permit bob cmd reboot args
deny eve
"""


def test_doas(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/doas.conf").write_text(DOAS)
    rules = all_topics()["sudoers"].collect(Host(str(tmp_path))).facts.accounts.doas_rules
    assert [(rule.action, rule.who, rule.target, rule.command, rule.arguments) for rule in rules] == [
        ("deny", "eve", "", "", ""),
        ("permit", ":wheel", "", "", ""),
        ("permit", "alice", "root", "/bin/a", "args --password [redacted]"),
        ("permit", "bob", "", "reboot", "args"),
    ]
    assert list(rules[2].options) == ["keepenv", "nopass", "setenv { PS1 SECRET -X }"]
    (tmp_path / "etc/doas.conf").write_text("permit\n")
    reading = all_topics()["sudoers"].collect(Host(str(tmp_path)))
    assert reading.unreadable == {"accounts.doas_rules": "doas.conf: line 1: nobody is named"}
