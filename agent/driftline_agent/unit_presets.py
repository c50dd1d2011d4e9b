"""What presets say of a unit. Source: systemd.preset(5)."""

from fnmatch import fnmatchcase

from driftline_agent.host import Host

_FOLDERS = (
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
)
#: How a unit is enabled where a preset means nothing (systemctl leaves it out too).
_MEANINGLESS = frozenset({"alias", "static", "generated", "transient"})

#: Pattern and what it says, in order.
Presets = tuple[tuple[str, str], ...]


def parse(text: str) -> Presets:
    """Return the rules of one preset file."""
    out: list[tuple[str, str]] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in ("enable", "disable", "ignore"):
            out.append((words[1], {"enable": "enabled", "disable": "disabled"}.get(words[0], "ignored")))
    return tuple(out)


def read(host: Host) -> Presets:
    """Return the rules of all preset files, those that count first.

    :raises UnreadableError: where one cannot be read.
    """
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in host.names(folder):
            if name.endswith(".preset"):
                files.setdefault(name, f"{folder}/{name}")
    return tuple(rule for name in sorted(files) for rule in parse(host.read(files[name]) or ""))


def preset_of(presets: Presets, name: str) -> str:
    """Return what presets say of a unit. Without a rule for it, it is to be enabled."""
    return next((said for pattern, said in presets if fnmatchcase(name, pattern)), "enabled")


def means_something(enablement: str) -> bool:
    """Tell whether a preset means something for a unit that is enabled so."""
    return enablement not in _MEANINGLESS
