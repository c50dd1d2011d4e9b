"""``ufw status``, with or without verbose or numbered. Source: ufw(8), src/backend_iptables.py of ufw."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_STATUS = late.pattern(r"^Status: (active|inactive)\s*$", re.MULTILINE)
_DEFAULTS = late.pattern(r"(allow|deny|reject|disabled) \((incoming|outgoing|routed)\)")
_RULE = late.pattern(r"^(?:\[ *\d+\] )?(\S.*?)\s{2,}((?:ALLOW|DENY|REJECT|LIMIT)(?: (?:IN|OUT|FWD))?)\s{2,}(\S.*?)\s*$")


def parse(text: str) -> Facts:
    """Return whether ufw is in force, its policies and rules.

    :raises UnreadableError: where it does not say its status.
    """
    status = _STATUS.search(text)
    if status is None:
        raise UnreadableError("ufw: no line says the status; run it as root, in English (LC_ALL=C)")
    out = Facts()
    ufw = out.network.firewall.managers.add(name="ufw", active=status[1] == "active")
    for policy, direction in _DEFAULTS.findall(text):
        if policy != "disabled":
            setattr(ufw, f"{direction}_policy", policy)
    for line in text.splitlines():
        rule = _RULE.match(line)
        if rule is not None and set(rule[1]) != {"-"}:
            ufw.rules.append(" ".join(f"{rule[2]} {rule[1]} from {rule[3]}".split()))
    return out


OUTPUT = Output(command="ufw status [verbose]", parse=parse)
