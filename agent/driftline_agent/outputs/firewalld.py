"""``systemctl status firewalld``. Source: systemctl(1), systemd src/systemctl/systemctl-show.c."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_LOADED = late.pattern(r"^\s*Loaded: (\S+)(?: \(([^;)]*)(?:; ([\w-]+))?)?", re.MULTILINE)
_ACTIVE = late.pattern(r"^\s*Active: (\S+)", re.MULTILINE)


def parse(text: str) -> Facts:
    """Return whether firewalld is started with the system, and whether it runs.

    :raises UnreadableError: where it is no unit's status.
    """
    loaded, active = _LOADED.search(text), _ACTIVE.search(text)
    if loaded is None or active is None:
        raise UnreadableError("firewalld: no lines Loaded and Active; run systemctl status firewalld")
    out = Facts()
    if loaded[1] != "not-found":
        found = out.network.firewall.managers.add(name="firewalld", active=active[1] in ("active", "reloading"))
        if loaded[1] == "masked" or loaded[3] is not None:
            found.enabled = loaded[3] in ("enabled", "enabled-runtime", "alias")
    return out


OUTPUT = Output(command="systemctl status firewalld", parse=parse)
