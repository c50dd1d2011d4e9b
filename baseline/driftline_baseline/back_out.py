"""The steps that bring back what was before, for a person to carry out. driftline itself changes nothing."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from driftline import paths
from driftline_baseline.allowed import version_of
from driftline_baseline.expected import element_path
from driftline_baseline.values import decode, show
from driftline_baseline.wording import package_of, what


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing to take back: values as canonical JSON, None means absent."""

    path: str
    before: str | None
    now: str | None


def plan(undone: Iterable[Undo], names: Mapping[str, str] | None = None) -> list[str]:
    """Return the steps for one host, in an order in which they can be done: packages, then what stands on them.

    :param names: what keys are called where they are no names, as uids of CIs.
    """
    purged: dict[str, list[str]] = {}
    installed: dict[str, list[str]] = {}
    steps: list[str] = []
    for item in undone:
        package = package_of(item.path)
        if package is None or package[0] not in _MANAGERS:
            steps += _other(item, names or {})
            continue
        if item.path != element_path(item.path) and not item.path.endswith(".version"):
            continue  # follows the version
        before = version_of(decode(item.before))
        if before is None:
            purged.setdefault(package[0], []).append(package[1])
        else:
            installed.setdefault(package[0], []).append(_MANAGERS[package[0]].pinned(package[1], before))
    for manager, packages in installed.items():
        steps.insert(0, f"{_MANAGERS[manager].install} {' '.join(sorted(packages))}")
    for manager, packages in purged.items():
        steps.insert(0, f"{_MANAGERS[manager].purge} {' '.join(sorted(packages))}")
    return steps


def text(by_host: Mapping[str, Sequence[Undo]], names: Mapping[str, str] | None = None) -> str:
    """Return the plan for several hosts: hosts with the same steps stand together."""
    same: dict[tuple[str, ...], list[str]] = {}
    for host, undone in sorted(by_host.items()):
        same.setdefault(tuple(plan(undone, names)), []).append(host)
    parts = []
    for steps, hosts in same.items():
        numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
        named = ", ".join(hosts) if len(hosts) <= 10 else f"{', '.join(hosts[:10])} and {len(hosts) - 10} more"
        parts.append(numbered if len(by_host) == 1 else f"on {named}:\n{numbered}")
    return "\n\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Manager:
    install: str
    purge: str
    joint: str

    def pinned(self, name: str, version: str) -> str:
        return f"{name}{self.joint}{version}"


_MANAGERS = {
    "dpkg": _Manager("apt-get install --allow-downgrades", "apt-get purge", "="),
    "rpm": _Manager("dnf downgrade", "dnf remove", "-"),
    "apk": _Manager("apk add", "apk del", "="),
    "pip": _Manager("pip install", "pip uninstall", "=="),
}


def _other(item: Undo, names: Mapping[str, str]) -> list[str]:
    if item.path == "record.announced":
        return ["find out whose it is; take it off the network, or have this authorised"]
    parts = list(paths.steps(item.path))
    lists = [(name, keys) for name, keys in parts if keys is not None]
    name, keys = lists[-1] if lists else ("", ("",))
    attribute = parts[-1][0] if parts[-1][1] is None else None
    key = shlex.quote(keys[0]) if keys else ""
    special = _SPECIAL.get((name, attribute if item.path.endswith(f".{attribute}") else None))
    if special is not None:
        steps = special(key, item)
        if steps:
            return steps
    if item.before is None:
        return [f"take away the {what(item.path, names)}"]
    if item.now is None:
        return [f"bring back the {what(item.path, names)}: {show(item.before)}"]
    return [f"set the {what(item.path, names)} back to {show(item.before)} (it is {show(item.now)})"]


def _sysctl(key: str, item: Undo) -> list[str]:
    if item.before is None:
        return []
    value = decode(item.before)
    plain = value.get("value") if isinstance(value, dict) else value
    return [f"sysctl -w {key}={shlex.quote(str(plain))} (and in /etc/sysctl.d, so that it stays)"]


def _enablement(key: str, item: Undo) -> list[str]:
    verb = {"enabled": "enable", "disabled": "disable", "masked": "mask"}.get(str(decode(item.before)))
    return [] if verb is None else [f"systemctl {verb} {key}"]


def _unit(key: str, item: Undo) -> list[str]:
    return [f"systemctl disable --now {key}, and take away its unit file"] if item.before is None else []


def _user(key: str, item: Undo) -> list[str]:
    return [f"userdel {key}"] if item.before is None else []


def _group(key: str, item: Undo) -> list[str]:
    return [f"groupdel {key}"] if item.before is None else []


def _file(key: str, item: Undo) -> list[str]:
    if item.before is None:
        return [f"rm {key}"]
    return []


def _file_mode(key: str, item: Undo) -> list[str]:
    return [f"chmod {show(item.before)} {key}"] if item.before is not None else []


def _file_owner(key: str, item: Undo) -> list[str]:
    return [f"chown {shlex.quote(show(item.before))} {key}"] if item.before is not None else []


def _file_content(key: str, item: Undo) -> list[str]:
    if item.before is None:
        return []
    digest = shlex.quote(show(item.before))
    return [
        f"bring back the content of {key} that has the digest {digest}: from a backup or its package, or, with its "
        f"secrets put back in, from: driftline ci file HOST {key} --digest {digest}"
    ]


#: (list, attribute) -> steps; an attribute of None stands for the whole element.
_SPECIAL = {
    ("sysctls", "value"): _sysctl,
    ("sysctls", None): _sysctl,
    ("units", "enablement"): _enablement,
    ("units", None): _unit,
    ("users", None): _user,
    ("groups", None): _group,
    ("files", None): _file,
    ("files", "mode"): _file_mode,
    ("files", "owner"): _file_owner,
    ("files", "digest"): _file_content,
    ("files", "sealed_digest"): _file_content,
}
