"""sudoers(5): what is read of a file is what sudo's own cvtsudoers makes of it (recorded: fixtures/sudoers/ORIGIN)."""

import json
from pathlib import Path
from typing import Any

import pytest

from driftline_agent import sudoers

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
