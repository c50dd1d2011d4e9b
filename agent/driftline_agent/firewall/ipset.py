"""The text of ``ipset save``. Source: ipset(8)."""

from itertools import pairwise

from driftline.v1.facts_pb2 import FirewallSet
from driftline_agent.firewall.nft import Ruleset
from driftline_agent.firewall.sets import add_elements

FAMILY = "ipset"


def parse_save(text: str) -> Ruleset:
    """Return the sets; elements of those that time changes are left out."""
    out = Ruleset()
    elements: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] in ("create", "-N"):
            found = FirewallSet(family=FAMILY, name=words[1], type=words[2])
            options = dict(pairwise(words[3:]))
            timeout = options.get("timeout", "")
            if timeout.isdecimal() and len(timeout) < 19:
                found.flags.append("timeout")
                if int(timeout):
                    found.timeout = int(timeout)
            size = options.get("maxelem", options.get("size", ""))
            if size.isdecimal() and len(size) < 19:
                found.size = int(size)
            out.sets[FAMILY, "", words[1]] = found
        elif len(words) >= 3 and words[0] in ("add", "-A"):
            rest = words[2:]
            for counting in ("packets", "bytes"):
                if counting in rest[1:]:
                    position = rest.index(counting, 1)
                    del rest[position : position + 2]
            elements.setdefault(words[1], []).append(" ".join(rest))
    for (_, _, name), found in out.sets.items():
        if "timeout" not in found.flags:
            add_elements(found, elements.get(name, []))
    return out
