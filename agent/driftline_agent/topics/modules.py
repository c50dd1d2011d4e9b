"""Kernel modules: what is loaded, and what is configured of them.

Source: /proc/modules, /sys/module; modprobe.d(5), modules-load.d(5), modules(5), OpenRC's /etc/conf.d/modules.
"""

from driftline.v1.facts_pb2 import LoadedModule, ModuleSetting
from driftline_agent import dropins
from driftline_agent.distribution import parse_os_release
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_MAX_MODULES = 5000


def plain(name: str) -> str:
    """Return a module's name as the kernel writes it: ``-`` is ``_``, but within brackets of an alias."""
    return name if "[" in name or ":" in name else name.replace("-", "_")


def parse_loaded(text: str) -> list[LoadedModule]:
    """Return the modules of /proc/modules, sorted; their own marks stand in parentheses at a line's end."""
    out: dict[str, LoadedModule] = {}
    for line in text.splitlines()[:_MAX_MODULES]:
        words = line.split()
        if len(words) < 3 or not words[1].isdigit():
            continue
        marks = words[-1] if words[-1].startswith("(") else ""
        module = LoadedModule(name=words[0])
        for letter, field in (("P", "proprietary"), ("O", "out_of_tree"), ("E", "unsigned")):
            if letter in marks:
                setattr(module, field, True)
        out[module.name] = module
    return [out[name] for name in sorted(out)]


class Settings:
    """Collects settings of modules, in the order in which the files are read."""

    def __init__(self) -> None:
        self._found: dict[str, ModuleSetting] = {}

    def _of(self, name: str) -> ModuleSetting:
        return self._found.setdefault(plain(name), ModuleSetting(name=plain(name)))

    def load(self, name: str, options: str = "") -> None:
        """Take a module that is loaded at boot."""
        setting = self._of(name)
        setting.loaded_at_boot = True
        self._options(setting, options)

    @staticmethod
    def _options(setting: ModuleSetting, options: str) -> None:
        if options and options not in setting.options.split(" | "):
            setting.options = " ".join(filter(None, (setting.options, options)))

    def modprobe(self, text: str) -> None:
        """Take a file of modprobe.d(5); a line that is none of its commands is skipped."""
        for line in dropins.lines(text):
            words = line.split(None, 2)
            if len(words) < 2:
                continue
            command, name, rest = words[0], words[1], words[2] if len(words) > 2 else ""
            if command == "blacklist":
                self._of(name).blacklisted = True
            elif command == "options" and rest:
                self._options(self._of(name), " ".join(rest.split()))
            elif command == "alias" and rest:
                self._of(name).alias_of = plain(rest.split()[0])
            elif command in ("install", "remove") and rest:
                setattr(self._of(name), command, rest.strip())

    def result(self) -> list[ModuleSetting]:
        """Return them, sorted."""
        return [self._found[name] for name in sorted(self._found)][:_MAX_MODULES]


def parse_load(text: str) -> list[tuple[str, str]]:
    """Return the modules of a list to load at boot, with their options."""
    return [(words[0], words[1] if len(words) > 1 else "") for line in dropins.lines(text, "#;", joined=False)
            if (words := line.split(None, 1))]  # fmt: skip


def collect(host: Host) -> Reading:
    """Read the loaded modules, their versions where new ones came, and the configured ones."""
    reading = Reading()
    loaded = parse_loaded(host.read("/proc/modules") or "")
    kept: dict[str, str] = host.kept.get("modules", {})
    for module in loaded:
        known = kept.get(module.name)
        module.version = (host.line(f"/sys/module/{module.name}/version") or "") if known is None else known
    host.kept["modules"] = {module.name: module.version for module in loaded}
    reading.facts.os.loaded_modules.extend(loaded)
    settings = Settings()
    for path in dropins.files(host, "modprobe.d"):
        settings.modprobe(host.read(path) or "")
    for path in ["/etc/modules", *dropins.files(host, "modules-load.d")]:
        for name, options in parse_load(host.read(path) or ""):
            settings.load(name, options)
    for name in parse_os_release(host.read("/etc/conf.d/modules") or "").get("modules", "").split():
        settings.load(name)
    reading.facts.os.module_settings.extend(settings.result())
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.loaded_modules", "os.module_settings"),
    collect=collect,
    of_files=True,
    watches=("/etc/modules", "/etc/conf.d/modules", *dropins.folders("modprobe.d"), *dropins.folders("modules-load.d")),
)
